from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ProxiedCallBody")


@_attrs_define
class ProxiedCallBody:
    """A row of the audit: one call of a known installation.

    Attributes:
        id (UUID):
        at (datetime.datetime):
        installation_id (None | UUID): The installation that was called
        user_id (None | UUID): The owner of the installation
        cat_id (None | UUID):
        method (str):
        path (str): Path below the cat's endpoint, without the query. The path of a refused call is cut to 512 bytes
        scope (None | str): The granted scopes that allowed the call, separated by spaces. If none was granted: the
            scopes that would have allowed it
        status (int | None): The HTTP status sent to the caller. Null until the response begins, and if the caller
            disconnected before
        outcome (str): `answered`: the proxy forwarded the whole response of the cat. `started`, `answering`: the call
            is in progress, or the proxy was stopped during it. `caller_left`: the caller disconnected. Any other value is
            the code of the problem that ended the call, such as `scope_missing` or `cat_timed_out`
        duration_ms (float | None): Milliseconds from the arrival of the request to the end of the call. Null while it
            is in progress
        request_id (str):
    """

    id: UUID
    at: datetime.datetime
    installation_id: None | UUID
    user_id: None | UUID
    cat_id: None | UUID
    method: str
    path: str
    scope: None | str
    status: int | None
    outcome: str
    duration_ms: float | None
    request_id: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        at = self.at.isoformat()

        installation_id: None | str
        if isinstance(self.installation_id, UUID):
            installation_id = str(self.installation_id)
        else:
            installation_id = self.installation_id

        user_id: None | str
        if isinstance(self.user_id, UUID):
            user_id = str(self.user_id)
        else:
            user_id = self.user_id

        cat_id: None | str
        if isinstance(self.cat_id, UUID):
            cat_id = str(self.cat_id)
        else:
            cat_id = self.cat_id

        method = self.method

        path = self.path

        scope: None | str
        scope = self.scope

        status: int | None
        status = self.status

        outcome = self.outcome

        duration_ms: float | None
        duration_ms = self.duration_ms

        request_id = self.request_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "at": at,
                "installation_id": installation_id,
                "user_id": user_id,
                "cat_id": cat_id,
                "method": method,
                "path": path,
                "scope": scope,
                "status": status,
                "outcome": outcome,
                "duration_ms": duration_ms,
                "request_id": request_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = UUID(d.pop("id"))

        at = datetime.datetime.fromisoformat(d.pop("at"))

        def _parse_installation_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                installation_id_type_0 = UUID(data)

                return installation_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        installation_id = _parse_installation_id(d.pop("installation_id"))

        def _parse_user_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                user_id_type_0 = UUID(data)

                return user_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        user_id = _parse_user_id(d.pop("user_id"))

        def _parse_cat_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                cat_id_type_0 = UUID(data)

                return cat_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        cat_id = _parse_cat_id(d.pop("cat_id"))

        method = d.pop("method")

        path = d.pop("path")

        def _parse_scope(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        scope = _parse_scope(d.pop("scope"))

        def _parse_status(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        status = _parse_status(d.pop("status"))

        outcome = d.pop("outcome")

        def _parse_duration_ms(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        duration_ms = _parse_duration_ms(d.pop("duration_ms"))

        request_id = d.pop("request_id")

        proxied_call_body = cls(
            id=id,
            at=at,
            installation_id=installation_id,
            user_id=user_id,
            cat_id=cat_id,
            method=method,
            path=path,
            scope=scope,
            status=status,
            outcome=outcome,
            duration_ms=duration_ms,
            request_id=request_id,
        )

        proxied_call_body.additional_properties = d
        return proxied_call_body

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
