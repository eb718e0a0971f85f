from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.registration_role import RegistrationRole
from ..types import UNSET, Unset

T = TypeVar("T", bound="Registration")


@_attrs_define
class Registration:
    """
    Attributes:
        email (str): Stored in lower case. Emails that differ only by case, Unicode form or the notation of the domain
            are one account
        password (str): Must not be easy to guess: no common passwords, repetitions, sequences or neighbouring keys.
            Must not contain the email, the display name or the name of this service
        display_name (str):
        role (RegistrationRole | Unset):  Default: RegistrationRole.PLAYER.
    """

    email: str
    password: str
    display_name: str
    role: RegistrationRole | Unset = RegistrationRole.PLAYER

    def to_dict(self) -> dict[str, Any]:
        email = self.email

        password = self.password

        display_name = self.display_name

        role: str | Unset = UNSET
        if not isinstance(self.role, Unset):
            role = self.role.value

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "email": email,
                "password": password,
                "display_name": display_name,
            }
        )
        if role is not UNSET:
            field_dict["role"] = role

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        email = d.pop("email")

        password = d.pop("password")

        display_name = d.pop("display_name")

        _role = d.pop("role", UNSET)
        role: RegistrationRole | Unset
        if isinstance(_role, Unset):
            role = UNSET
        else:
            role = RegistrationRole(_role)

        registration = cls(
            email=email,
            password=password,
            display_name=display_name,
            role=role,
        )

        return registration
