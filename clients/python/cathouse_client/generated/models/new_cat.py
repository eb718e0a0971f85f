from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.scope import Scope


T = TypeVar("T", bound="NewCat")


@_attrs_define
class NewCat:
    """
    Attributes:
        name (str):
        tagline (str):
        category (str): Any word in lower case, or several joined by hyphens
        endpoint_url (str): The root of the cat's HTTP service: http or https, without credentials, query and fragment.
            A slash at the end is removed
        slug (None | str | Unset): The cat's name in URLs. It never changes. Default: derived from the name
        description (str | Unset):  Default: ''.
        version (str | Unset): A semantic version (semver.org, 2.0.0) Default: '0.1.0'.
        scopes (list[Scope] | Unset): All scopes together have at most 200 routes, and 65536 bytes as JSON
    """

    name: str
    tagline: str
    category: str
    endpoint_url: str
    slug: None | str | Unset = UNSET
    description: str | Unset = ""
    version: str | Unset = "0.1.0"
    scopes: list[Scope] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        tagline = self.tagline

        category = self.category

        endpoint_url = self.endpoint_url

        slug: None | str | Unset
        if isinstance(self.slug, Unset):
            slug = UNSET
        else:
            slug = self.slug

        description = self.description

        version = self.version

        scopes: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.scopes, Unset):
            scopes = []
            for scopes_item_data in self.scopes:
                scopes_item = scopes_item_data.to_dict()
                scopes.append(scopes_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "tagline": tagline,
                "category": category,
                "endpoint_url": endpoint_url,
            }
        )
        if slug is not UNSET:
            field_dict["slug"] = slug
        if description is not UNSET:
            field_dict["description"] = description
        if version is not UNSET:
            field_dict["version"] = version
        if scopes is not UNSET:
            field_dict["scopes"] = scopes

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.scope import Scope  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name")

        tagline = d.pop("tagline")

        category = d.pop("category")

        endpoint_url = d.pop("endpoint_url")

        def _parse_slug(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        slug = _parse_slug(d.pop("slug", UNSET))

        description = d.pop("description", UNSET)

        version = d.pop("version", UNSET)

        _scopes = d.pop("scopes", UNSET)
        scopes: list[Scope] | Unset = UNSET
        if _scopes is not UNSET:
            scopes = []
            for scopes_item_data in _scopes:
                scopes_item = Scope.from_dict(scopes_item_data)

                scopes.append(scopes_item)

        new_cat = cls(
            name=name,
            tagline=tagline,
            category=category,
            endpoint_url=endpoint_url,
            slug=slug,
            description=description,
            version=version,
            scopes=scopes,
        )

        return new_cat
