from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ReviewBody")


@_attrs_define
class ReviewBody:
    """
    Attributes:
        id (UUID):
        cat_id (UUID):
        user_id (UUID):
        rating (int):
        comment (str):
        created_at (datetime.datetime):
        updated_at (datetime.datetime):
    """

    id: UUID
    cat_id: UUID
    user_id: UUID
    rating: int
    comment: str
    created_at: datetime.datetime
    updated_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        cat_id = str(self.cat_id)

        user_id = str(self.user_id)

        rating = self.rating

        comment = self.comment

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "cat_id": cat_id,
                "user_id": user_id,
                "rating": rating,
                "comment": comment,
                "created_at": created_at,
                "updated_at": updated_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = UUID(d.pop("id"))

        cat_id = UUID(d.pop("cat_id"))

        user_id = UUID(d.pop("user_id"))

        rating = d.pop("rating")

        comment = d.pop("comment")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))

        review_body = cls(
            id=id,
            cat_id=cat_id,
            user_id=user_id,
            rating=rating,
            comment=comment,
            created_at=created_at,
            updated_at=updated_at,
        )

        review_body.additional_properties = d
        return review_body

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
