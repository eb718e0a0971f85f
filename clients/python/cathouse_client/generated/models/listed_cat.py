from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.cat_status import CatStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.rating import Rating


T = TypeVar("T", bound="ListedCat")


@_attrs_define
class ListedCat:
    """A cat in a list, without its scopes.

    Attributes:
        id (UUID):
        slug (str):
        name (str):
        tagline (str):
        description (str):
        category (str):
        developer_id (UUID):
        status (CatStatus): The status of a cat in its review.
        version (str):
        rating (Rating):
        featured (bool):
        created_at (datetime.datetime):
        updated_at (datetime.datetime):
        rejection_reason (None | str | Unset): The reason for a rejection. Only its developer and admins see it
        endpoint_url (None | str | Unset): The root of the cat's HTTP service. Only its developer and admins see it
        pending_endpoint_url (None | str | Unset): A new `endpoint_url` that waits for an admin's approval. Only its
            developer and admins see it
    """

    id: UUID
    slug: str
    name: str
    tagline: str
    description: str
    category: str
    developer_id: UUID
    status: CatStatus
    version: str
    rating: Rating
    featured: bool
    created_at: datetime.datetime
    updated_at: datetime.datetime
    rejection_reason: None | str | Unset = UNSET
    endpoint_url: None | str | Unset = UNSET
    pending_endpoint_url: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        slug = self.slug

        name = self.name

        tagline = self.tagline

        description = self.description

        category = self.category

        developer_id = str(self.developer_id)

        status = self.status.value

        version = self.version

        rating = self.rating.to_dict()

        featured = self.featured

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        rejection_reason: None | str | Unset
        if isinstance(self.rejection_reason, Unset):
            rejection_reason = UNSET
        else:
            rejection_reason = self.rejection_reason

        endpoint_url: None | str | Unset
        if isinstance(self.endpoint_url, Unset):
            endpoint_url = UNSET
        else:
            endpoint_url = self.endpoint_url

        pending_endpoint_url: None | str | Unset
        if isinstance(self.pending_endpoint_url, Unset):
            pending_endpoint_url = UNSET
        else:
            pending_endpoint_url = self.pending_endpoint_url

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "slug": slug,
                "name": name,
                "tagline": tagline,
                "description": description,
                "category": category,
                "developer_id": developer_id,
                "status": status,
                "version": version,
                "rating": rating,
                "featured": featured,
                "created_at": created_at,
                "updated_at": updated_at,
            }
        )
        if rejection_reason is not UNSET:
            field_dict["rejection_reason"] = rejection_reason
        if endpoint_url is not UNSET:
            field_dict["endpoint_url"] = endpoint_url
        if pending_endpoint_url is not UNSET:
            field_dict["pending_endpoint_url"] = pending_endpoint_url

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.rating import Rating  # noqa: PLC0415

        d = dict(src_dict)
        id = UUID(d.pop("id"))

        slug = d.pop("slug")

        name = d.pop("name")

        tagline = d.pop("tagline")

        description = d.pop("description")

        category = d.pop("category")

        developer_id = UUID(d.pop("developer_id"))

        status = CatStatus(d.pop("status"))

        version = d.pop("version")

        rating = Rating.from_dict(d.pop("rating"))

        featured = d.pop("featured")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))

        def _parse_rejection_reason(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        rejection_reason = _parse_rejection_reason(d.pop("rejection_reason", UNSET))

        def _parse_endpoint_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        endpoint_url = _parse_endpoint_url(d.pop("endpoint_url", UNSET))

        def _parse_pending_endpoint_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        pending_endpoint_url = _parse_pending_endpoint_url(d.pop("pending_endpoint_url", UNSET))

        listed_cat = cls(
            id=id,
            slug=slug,
            name=name,
            tagline=tagline,
            description=description,
            category=category,
            developer_id=developer_id,
            status=status,
            version=version,
            rating=rating,
            featured=featured,
            created_at=created_at,
            updated_at=updated_at,
            rejection_reason=rejection_reason,
            endpoint_url=endpoint_url,
            pending_endpoint_url=pending_endpoint_url,
        )

        listed_cat.additional_properties = d
        return listed_cat

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
