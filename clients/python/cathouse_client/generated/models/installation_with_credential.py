from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.installation_body import InstallationBody


T = TypeVar("T", bound="InstallationWithCredential")


@_attrs_define
class InstallationWithCredential:
    """
    Attributes:
        installation (InstallationBody):
        credential (str): The secret of the installation. Save it now: the platform stores only its hash
    """

    installation: InstallationBody
    credential: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        installation = self.installation.to_dict()

        credential = self.credential

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "installation": installation,
                "credential": credential,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.installation_body import InstallationBody  # noqa: PLC0415

        d = dict(src_dict)
        installation = InstallationBody.from_dict(d.pop("installation"))

        credential = d.pop("credential")

        installation_with_credential = cls(
            installation=installation,
            credential=credential,
        )

        installation_with_credential.additional_properties = d
        return installation_with_credential

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
