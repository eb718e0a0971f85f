from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.status import Status

if TYPE_CHECKING:
    from ..models.installation_body_settings import InstallationBodySettings


T = TypeVar("T", bound="InstallationBody")


@_attrs_define
class InstallationBody:
    """
    Attributes:
        id (UUID):
        user_id (UUID):
        cat_id (UUID):
        cat_version (str): The version of the cat from which the granted scopes were chosen
        name (str):
        status (Status): The status of an installation. `uninstalled` is final.
        granted_scopes (list[str]):
        settings (InstallationBodySettings):
        installed_at (datetime.datetime):
        last_used_at (datetime.datetime | None): Time of the last call through the proxy, to the minute. Null before the
            first call
    """

    id: UUID
    user_id: UUID
    cat_id: UUID
    cat_version: str
    name: str
    status: Status
    granted_scopes: list[str]
    settings: InstallationBodySettings
    installed_at: datetime.datetime
    last_used_at: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        user_id = str(self.user_id)

        cat_id = str(self.cat_id)

        cat_version = self.cat_version

        name = self.name

        status = self.status.value

        granted_scopes = self.granted_scopes

        settings = self.settings.to_dict()

        installed_at = self.installed_at.isoformat()

        last_used_at: None | str
        if isinstance(self.last_used_at, datetime.datetime):
            last_used_at = self.last_used_at.isoformat()
        else:
            last_used_at = self.last_used_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "user_id": user_id,
                "cat_id": cat_id,
                "cat_version": cat_version,
                "name": name,
                "status": status,
                "granted_scopes": granted_scopes,
                "settings": settings,
                "installed_at": installed_at,
                "last_used_at": last_used_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.installation_body_settings import InstallationBodySettings  # noqa: PLC0415

        d = dict(src_dict)
        id = UUID(d.pop("id"))

        user_id = UUID(d.pop("user_id"))

        cat_id = UUID(d.pop("cat_id"))

        cat_version = d.pop("cat_version")

        name = d.pop("name")

        status = Status(d.pop("status"))

        granted_scopes = cast(list[str], d.pop("granted_scopes"))

        settings = InstallationBodySettings.from_dict(d.pop("settings"))

        installed_at = datetime.datetime.fromisoformat(d.pop("installed_at"))

        def _parse_last_used_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_used_at_type_0 = datetime.datetime.fromisoformat(data)

                return last_used_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_used_at = _parse_last_used_at(d.pop("last_used_at"))

        installation_body = cls(
            id=id,
            user_id=user_id,
            cat_id=cat_id,
            cat_version=cat_version,
            name=name,
            status=status,
            granted_scopes=granted_scopes,
            settings=settings,
            installed_at=installed_at,
            last_used_at=last_used_at,
        )

        installation_body.additional_properties = d
        return installation_body

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
