from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="CatChanges")


@_attrs_define
class CatChanges:
    """Fields that are left out stay as they are. To change the version or the scopes, add a version.

    Attributes:
        name (str | Unset):
        tagline (str | Unset):
        description (str | Unset):
        category (str | Unset): Any word in lower case, or several joined by hyphens
        endpoint_url (str | Unset): The root of the cat's HTTP service: http or https, without credentials, query and
            fragment. A slash at the end is removed
    """

    name: str | Unset = UNSET
    tagline: str | Unset = UNSET
    description: str | Unset = UNSET
    category: str | Unset = UNSET
    endpoint_url: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        tagline = self.tagline

        description = self.description

        category = self.category

        endpoint_url = self.endpoint_url

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if name is not UNSET:
            field_dict["name"] = name
        if tagline is not UNSET:
            field_dict["tagline"] = tagline
        if description is not UNSET:
            field_dict["description"] = description
        if category is not UNSET:
            field_dict["category"] = category
        if endpoint_url is not UNSET:
            field_dict["endpoint_url"] = endpoint_url

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name", UNSET)

        tagline = d.pop("tagline", UNSET)

        description = d.pop("description", UNSET)

        category = d.pop("category", UNSET)

        endpoint_url = d.pop("endpoint_url", UNSET)

        cat_changes = cls(
            name=name,
            tagline=tagline,
            description=description,
            category=category,
            endpoint_url=endpoint_url,
        )

        return cat_changes
