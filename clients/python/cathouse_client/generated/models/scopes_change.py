from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="ScopesChange")


@_attrs_define
class ScopesChange:
    """
    Attributes:
        granted_scopes (list[str]): Scopes that the cat's manifest declares, including all required ones
    """

    granted_scopes: list[str]

    def to_dict(self) -> dict[str, Any]:
        granted_scopes = self.granted_scopes

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "granted_scopes": granted_scopes,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        granted_scopes = cast(list[str], d.pop("granted_scopes"))

        scopes_change = cls(
            granted_scopes=granted_scopes,
        )

        return scopes_change
