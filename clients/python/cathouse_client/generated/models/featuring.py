from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="Featuring")


@_attrs_define
class Featuring:
    """
    Attributes:
        featured (bool):
    """

    featured: bool

    def to_dict(self) -> dict[str, Any]:
        featured = self.featured

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "featured": featured,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        featured = d.pop("featured")

        featuring = cls(
            featured=featured,
        )

        return featuring
