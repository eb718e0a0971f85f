from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    Double,
    Index,
    String,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from cathouse_catalog.models.base import Base


class CatStatus(StrEnum):
    """The status of a cat in its review."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    PUBLISHED = "published"
    REJECTED = "rejected"
    SUSPENDED = "suspended"


class Route(TypedDict):
    methods: list[str]
    path: str


class Scope(TypedDict):
    """A scope as it is stored. It is a JSON document, because it is always read and written as a whole."""

    name: str
    description: str
    required: bool
    routes: list[Route]


@dataclass(frozen=True, slots=True)
class Rating:
    average: float | None
    """None while there are no reviews."""
    count: int


# Written as PostgreSQL shows them, so that autogenerate recognizes them.
_RATING_AVERAGE = (
    "CASE WHEN rating_count = 0 THEN 0::double precision "
    "ELSE rating_sum::double precision / rating_count::double precision END"
)
_SORT_NAME = "lower((NORMALIZE(name, NFKD)) COLLATE pg_unicode_fast)"
# pg_trgm and the parser of words depend on the letters of the database's locale. The functions of migration 0002 return
# ASCII, which is the same in every locale.
_SEARCH_TEXT = "catalog.search_letters(((name::text || ' '::text) || tagline::text))"
_SEARCH = (
    "setweight(to_tsvector('english'::regconfig, catalog.search_words(name::text)), 'A'::\"char\")"
    " || setweight(to_tsvector('english'::regconfig, catalog.search_words(tagline::text)), 'B'::\"char\")"
    " || setweight(to_tsvector('english'::regconfig, category::text), 'C'::\"char\")"
    " || setweight(to_tsvector('english'::regconfig, catalog.search_words(description)), 'D'::\"char\")"
)
_PUBLISHED = text("status = 'published'")


class Cat(Base):
    """A cat as it is now: its texts, its current manifest, its status and its rating.

    The average rating is exact: it is computed from a count and a sum, which change in the transaction of each review.
    PostgreSQL computes the columns for search and order.
    """

    __tablename__ = "cats"
    __table_args__ = (
        CheckConstraint(
            "status in ('draft', 'submitted', 'published', 'rejected', 'suspended')",
            name="status_is_known",
        ),
        CheckConstraint(
            "rating_sum between rating_count and 5 * rating_count", name="rating_is_possible"
        ),
        CheckConstraint("not featured or status = 'published'", name="featured_is_published"),
        CheckConstraint(
            "(status = 'rejected') = (rejection_reason is not null)", name="rejection_has_a_reason"
        ),
        Index("ix_cats_newest", "created_at", "id", postgresql_where=_PUBLISHED),
        Index(
            "ix_cats_rating",
            "rating_average",
            "rating_count",
            "created_at",
            "id",
            postgresql_where=_PUBLISHED,
        ),
        Index("ix_cats_name", "sort_name", "id", postgresql_where=_PUBLISHED),
        Index("ix_cats_category", "category", postgresql_where=_PUBLISHED),
        Index(
            "ix_cats_pending_endpoint",
            "id",
            postgresql_where=text("pending_endpoint_url is not null"),
        ),
        Index("ix_cats_search", "search", postgresql_using="gin"),
        Index(
            "ix_cats_search_text",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.uuidv7())
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    tagline: Mapped[str] = mapped_column(String(160))
    description: Mapped[str] = mapped_column(Text)
    category: Mapped[str] = mapped_column(String(40, collation="C"))
    developer_id: Mapped[UUID] = mapped_column(index=True)
    status: Mapped[CatStatus] = mapped_column(String(16), server_default=CatStatus.DRAFT)
    rejection_reason: Mapped[str | None] = mapped_column(Text)
    endpoint_url: Mapped[str] = mapped_column(String(2048))
    pending_endpoint_url: Mapped[str | None] = mapped_column(String(2048))
    """An endpoint on another host that waits for review. After an admin approves it, it becomes `endpoint_url`."""
    version: Mapped[str] = mapped_column(String(64))
    """The current version. `Version` has all versions."""
    scopes: Mapped[list[Scope]] = mapped_column(JSONB)
    """The scopes of the current version."""
    rating_count: Mapped[int] = mapped_column(BigInteger, server_default="0")
    rating_sum: Mapped[int] = mapped_column(BigInteger, server_default="0")
    rating_average: Mapped[float] = mapped_column(Double, Computed(_RATING_AVERAGE, persisted=True))
    """0 while there are no reviews."""
    featured: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )
    sort_name: Mapped[str] = mapped_column(
        Text(collation="C"),
        Computed(_SORT_NAME, persisted=True),
        deferred=True,
        deferred_raiseload=True,
    )
    """The name for sorting: in lower case, accented letters next to plain ones, by code point.

    The order is the same in every PostgreSQL cluster.
    """
    search_text: Mapped[str] = mapped_column(
        Text, Computed(_SEARCH_TEXT, persisted=True), deferred=True, deferred_raiseload=True
    )
    search: Mapped[str] = mapped_column(
        TSVECTOR, Computed(_SEARCH, persisted=True), deferred=True, deferred_raiseload=True
    )

    @property
    def rating(self) -> Rating:
        return Rating(self.rating_average if self.rating_count else None, self.rating_count)
