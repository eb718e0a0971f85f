"""Categories: what published cats say they are."""

from collections.abc import Sequence
from typing import Any

from cathouse_kit.pagination import PageRequest, SortKey, select_page
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_catalog.models import Cat, CatStatus


async def list_categories(
    session: AsyncSession, page: PageRequest
) -> tuple[Sequence[tuple[str, int]], str | None]:
    """Categories that published cats name, with their number, by name. Raises `InvalidRequest` for a bad cursor."""
    statement: Any = (
        select(Cat.category, func.count().label("cats"))
        .where(Cat.status == CatStatus.PUBLISHED)
        .group_by(Cat.category)
    )
    rows, next_cursor = await select_page(
        session, statement, "categories", [SortKey(Cat.category, str)], page
    )
    return [(row.category, row.cats) for row in rows], next_cursor
