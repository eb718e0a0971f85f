from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.scope_body import ScopeBody


T = TypeVar("T", bound="VersionBody")


@_attrs_define
class VersionBody:
    """A version, with the scopes that it declared.

    Attributes:
        version (str):
        release_notes (str):
        created_at (datetime.datetime):
        published_at (datetime.datetime | None): The time from which players could adopt it. Null if it was never
            published
        scopes (list[ScopeBody]):
    """

    version: str
    release_notes: str
    created_at: datetime.datetime
    published_at: datetime.datetime | None
    scopes: list[ScopeBody]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        version = self.version

        release_notes = self.release_notes

        created_at = self.created_at.isoformat()

        published_at: None | str
        if isinstance(self.published_at, datetime.datetime):
            published_at = self.published_at.isoformat()
        else:
            published_at = self.published_at

        scopes = []
        for scopes_item_data in self.scopes:
            scopes_item = scopes_item_data.to_dict()
            scopes.append(scopes_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "version": version,
                "release_notes": release_notes,
                "created_at": created_at,
                "published_at": published_at,
                "scopes": scopes,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.scope_body import ScopeBody  # noqa: PLC0415

        d = dict(src_dict)
        version = d.pop("version")

        release_notes = d.pop("release_notes")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_published_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                published_at_type_0 = datetime.datetime.fromisoformat(data)

                return published_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        published_at = _parse_published_at(d.pop("published_at"))

        scopes = []
        _scopes = d.pop("scopes")
        for scopes_item_data in _scopes:
            scopes_item = ScopeBody.from_dict(scopes_item_data)

            scopes.append(scopes_item)

        version_body = cls(
            version=version,
            release_notes=release_notes,
            created_at=created_at,
            published_at=published_at,
            scopes=scopes,
        )

        version_body.additional_properties = d
        return version_body

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
