"""The response model of `bench.peers.cats`."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class Cat(BaseModel):
    id: UUID
    slug: str
    name: str
    tagline: str
    description: str
    category: str
    developer_id: UUID
    status: str
    version: str
    featured: bool
    rating_count: int
    rating_average: float
    created_at: datetime
    updated_at: datetime


class Cats(BaseModel):
    items: list[Cat]
    next_cursor: str | None = None
