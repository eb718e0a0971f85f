from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.adoption_settings import AdoptionSettings


T = TypeVar("T", bound="Adoption")


@_attrs_define
class Adoption:
    """
    Attributes:
        cat_id (UUID):
        granted_scopes (list[str]): Scopes that the cat's manifest declares, including all required ones
        name (None | str | Unset): Default: the name of the cat
        settings (AdoptionSettings | Unset): A JSON object of at most 16384 bytes and 10 levels
    """

    cat_id: UUID
    granted_scopes: list[str]
    name: None | str | Unset = UNSET
    settings: AdoptionSettings | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        cat_id = str(self.cat_id)

        granted_scopes = self.granted_scopes

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        settings: dict[str, Any] | Unset = UNSET
        if not isinstance(self.settings, Unset):
            settings = self.settings.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "cat_id": cat_id,
                "granted_scopes": granted_scopes,
            }
        )
        if name is not UNSET:
            field_dict["name"] = name
        if settings is not UNSET:
            field_dict["settings"] = settings

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.adoption_settings import AdoptionSettings  # noqa: PLC0415

        d = dict(src_dict)
        cat_id = UUID(d.pop("cat_id"))

        granted_scopes = cast(list[str], d.pop("granted_scopes"))

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        _settings = d.pop("settings", UNSET)
        settings: AdoptionSettings | Unset
        if isinstance(_settings, Unset):
            settings = UNSET
        else:
            settings = AdoptionSettings.from_dict(_settings)

        adoption = cls(
            cat_id=cat_id,
            granted_scopes=granted_scopes,
            name=name,
            settings=settings,
        )

        return adoption
