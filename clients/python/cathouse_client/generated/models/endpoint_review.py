from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="EndpointReview")


@_attrs_define
class EndpointReview:
    """
    Attributes:
        endpoint_url (str): The pending endpoint that you reviewed. If it has changed since, the response is 409
    """

    endpoint_url: str

    def to_dict(self) -> dict[str, Any]:
        endpoint_url = self.endpoint_url

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "endpoint_url": endpoint_url,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        endpoint_url = d.pop("endpoint_url")

        endpoint_review = cls(
            endpoint_url=endpoint_url,
        )

        return endpoint_review
