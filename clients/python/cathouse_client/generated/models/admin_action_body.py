from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.admin_action_body_details import AdminActionBodyDetails


T = TypeVar("T", bound="AdminActionBody")


@_attrs_define
class AdminActionBody:
    """One action of an admin.

    Attributes:
        id (UUID):
        at (datetime.datetime):
        admin_id (None | UUID): The admin who acted; null if an operator acted through a command
        action (str): The name of the security event. Later versions may add names
        subject_id (UUID): The id of the user or cat that was changed
        details (AdminActionBodyDetails): Details of the action, such as the roles before and after
        request_id (None | str): The `X-Request-ID` of the request; null for commands
    """

    id: UUID
    at: datetime.datetime
    admin_id: None | UUID
    action: str
    subject_id: UUID
    details: AdminActionBodyDetails
    request_id: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        at = self.at.isoformat()

        admin_id: None | str
        if isinstance(self.admin_id, UUID):
            admin_id = str(self.admin_id)
        else:
            admin_id = self.admin_id

        action = self.action

        subject_id = str(self.subject_id)

        details = self.details.to_dict()

        request_id: None | str
        request_id = self.request_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "at": at,
                "admin_id": admin_id,
                "action": action,
                "subject_id": subject_id,
                "details": details,
                "request_id": request_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.admin_action_body_details import AdminActionBodyDetails  # noqa: PLC0415

        d = dict(src_dict)
        id = UUID(d.pop("id"))

        at = datetime.datetime.fromisoformat(d.pop("at"))

        def _parse_admin_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                admin_id_type_0 = UUID(data)

                return admin_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        admin_id = _parse_admin_id(d.pop("admin_id"))

        action = d.pop("action")

        subject_id = UUID(d.pop("subject_id"))

        details = AdminActionBodyDetails.from_dict(d.pop("details"))

        def _parse_request_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        request_id = _parse_request_id(d.pop("request_id"))

        admin_action_body = cls(
            id=id,
            at=at,
            admin_id=admin_id,
            action=action,
            subject_id=subject_id,
            details=details,
            request_id=request_id,
        )

        admin_action_body.additional_properties = d
        return admin_action_body

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
