from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.installation_change_settings import InstallationChangeSettings


T = TypeVar("T", bound="InstallationChange")


@_attrs_define
class InstallationChange:
    """Fields that are left out stay as they are. `settings` replaces the whole object.

    Attributes:
        name (str | Unset):
        settings (InstallationChangeSettings | Unset): A JSON object of at most 16384 bytes and 10 levels
    """

    name: str | Unset = UNSET
    settings: InstallationChangeSettings | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        settings: dict[str, Any] | Unset = UNSET
        if not isinstance(self.settings, Unset):
            settings = self.settings.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if name is not UNSET:
            field_dict["name"] = name
        if settings is not UNSET:
            field_dict["settings"] = settings

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.installation_change_settings import InstallationChangeSettings  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name", UNSET)

        _settings = d.pop("settings", UNSET)
        settings: InstallationChangeSettings | Unset
        if isinstance(_settings, Unset):
            settings = UNSET
        else:
            settings = InstallationChangeSettings.from_dict(_settings)

        installation_change = cls(
            name=name,
            settings=settings,
        )

        return installation_change
