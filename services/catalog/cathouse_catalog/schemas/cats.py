"""Bodies of cats: requests of developers, and responses."""

from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from cathouse_kit.bounds import MAX_BYTES
from cathouse_kit.schemas import RequestBody, ResponseBody, Timestamp
from pydantic import Field
from pydantic.config import JsonDict

from cathouse_catalog.models import Cat, CatStatus
from cathouse_catalog.schemas.fields import (
    MAX_CATEGORY,
    MAX_DESCRIPTION,
    MAX_NAME,
    MAX_REASON,
    MAX_TAGLINE,
    MAX_URL,
    MAX_VERSION,
    Category,
    Description,
    EndpointUrl,
    Name,
    Reason,
    SemanticVersion,
    Slug,
    Tagline,
)
from cathouse_catalog.schemas.scopes import ScopeBodies, Scopes
from cathouse_catalog.services.slugs import MAX_LENGTH

# URLs are ASCII: one byte a character, and two quotes.
_URL_BYTES: JsonDict = {MAX_BYTES: MAX_URL + 2}


class NewCat(RequestBody):
    slug: Slug | None = Field(
        default=None,
        description="The cat's name in URLs. It never changes. Default: derived from the name",
    )
    name: Name
    tagline: Tagline
    description: Description = ""
    category: Category
    endpoint_url: EndpointUrl
    version: SemanticVersion = "0.1.0"
    scopes: Scopes = Field(default_factory=list)


class CatChanges(RequestBody):
    """Fields that are left out stay as they are. To change the version or the scopes, add a version."""

    # The factories make the fields optional. Null is still refused, and the values of the factories are never used.
    name: Name = Field(default_factory=str)
    tagline: Tagline = Field(default_factory=str)
    description: Description = Field(default_factory=str)
    category: Category = Field(default_factory=str)
    endpoint_url: EndpointUrl = Field(default_factory=str)


class Rejection(RequestBody):
    reason: Reason


class EndpointReview(RequestBody):
    endpoint_url: EndpointUrl = Field(
        description="The pending endpoint that you reviewed. If it has changed since, the response is 409"
    )


class Featuring(RequestBody):
    featured: bool = Field(strict=True)


class Rating(ResponseBody):
    average: float | None = Field(
        description="The exact mean of all ratings. Null while there are none", examples=[4.25]
    )
    count: int = Field(examples=[8])


class ListedCat(ResponseBody):
    """A cat in a list, without its scopes."""

    id: UUID
    slug: str = Field(max_length=MAX_LENGTH, examples=["task-keeper"])
    name: str = Field(max_length=MAX_NAME, examples=["Task Keeper"])
    tagline: str = Field(max_length=MAX_TAGLINE, examples=["Keeps what you mean to do"])
    description: str = Field(max_length=MAX_DESCRIPTION)
    category: str = Field(max_length=MAX_CATEGORY, examples=["productivity"])
    developer_id: UUID
    status: CatStatus
    rejection_reason: str | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        max_length=MAX_REASON,
        description="The reason for a rejection. Only its developer and admins see it",
    )
    endpoint_url: str | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="The root of the cat's HTTP service. Only its developer and admins see it",
        json_schema_extra=_URL_BYTES,
        examples=["https://tasks.example.com/api"],
    )
    pending_endpoint_url: str | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="A new `endpoint_url` that waits for an admin's approval. Only its developer and admins see it",
        json_schema_extra=_URL_BYTES,
        examples=["https://tasks.example.org/api"],
    )
    version: str = Field(max_length=MAX_VERSION, examples=["1.2.0"])
    rating: Rating
    featured: bool
    created_at: Timestamp
    updated_at: Timestamp


_HIDDEN = ("endpoint_url", "pending_endpoint_url", "rejection_reason")
"""Fields that only the cat's developer and admins see."""


def listed_cat(row: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """Return the fields of a `ListedCat` from a row. Without `whole`, omit those that not everyone may see."""
    count = row["rating_count"]
    rating = {"average": row["rating_average"] if count else None, "count": count}
    cat = {**row, "rating": rating}
    if not whole:
        for name in _HIDDEN:
            del cat[name]
    return cat


class CatBody(ListedCat):
    """A cat, with the scopes of its current version."""

    scopes: ScopeBodies

    @classmethod
    def of(cls, cat: Cat, *, whole: bool) -> Self:
        """Return the body of a cat. Without `whole`, omit the fields that not everyone may see."""
        body = cls.model_validate(cat)
        if not whole:
            for name in _HIDDEN:
                setattr(body, name, None)
        return body
