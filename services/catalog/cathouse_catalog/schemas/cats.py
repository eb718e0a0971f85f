"""Cats, as developers write them and as everyone reads them."""

from uuid import UUID

from cathouse_kit.schemas import RequestBody, ResponseBody, Timestamp
from pydantic import Field

from cathouse_catalog.models import Cat, CatStatus
from cathouse_catalog.schemas.fields import (
    Category,
    Description,
    EndpointUrl,
    Name,
    Reason,
    SemanticVersion,
    Slug,
    Tagline,
)
from cathouse_catalog.schemas.scopes import Scope, Scopes


class NewCat(RequestBody):
    slug: Slug | None = Field(
        default=None,
        description="The cat's name in addresses; it never changes. Made from the name where it is not given",
    )
    name: Name
    tagline: Tagline
    description: Description = ""
    category: Category
    endpoint_url: EndpointUrl
    version: SemanticVersion = "0.1.0"
    scopes: Scopes = Field(default_factory=list)


class CatChanges(RequestBody):
    """What is to change; what is not named stays. Version and scopes change together, with a new version."""

    # The factories make a field optional without letting null in; a value that they make is never used.
    name: Name = Field(default_factory=str)
    tagline: Tagline = Field(default_factory=str)
    description: Description = Field(default_factory=str)
    category: Category = Field(default_factory=str)
    endpoint_url: EndpointUrl = Field(default_factory=str)


class Rejection(RequestBody):
    reason: Reason


class Featuring(RequestBody):
    featured: bool = Field(strict=True)


class Rating(ResponseBody):
    average: float | None = Field(
        description="The exact mean of all ratings; null while there are none", examples=[4.25]
    )
    count: int = Field(examples=[8])


class CatBody(ResponseBody):
    id: UUID
    slug: str = Field(examples=["task-keeper"])
    name: str = Field(examples=["Task Keeper"])
    tagline: str = Field(examples=["Keeps what you mean to do"])
    description: str
    category: str = Field(examples=["productivity"])
    developer_id: UUID
    status: CatStatus
    rejection_reason: str | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="Why it was rejected; shown to its developer and to admins",
    )
    endpoint_url: str | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="Shown to its developer and to admins",
        examples=["https://tasks.example.com/api"],
    )
    version: str = Field(examples=["1.2.0"])
    scopes: list[Scope]
    rating: Rating
    featured: bool
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, cat: Cat, *, whole: bool) -> "CatBody":
        """What is to be seen of a cat: all of it, or what everyone may see."""
        body = cls.model_validate(cat)
        if not whole:
            body.endpoint_url = body.rejection_reason = None
        return body
