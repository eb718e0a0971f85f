"""Categories of published cats."""

from collections.abc import Sequence
from typing import Any

from cathouse_kit.pagination import PageRequest, SortKey, select_page
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_catalog.models import Cat, CatStatus


async def list_categories(
    session: AsyncSession, page: PageRequest
) -> tuple[Sequence[tuple[str, int]], str | None]:
    """Return a page of categories of published cats by name, with the number of cats, and the next cursor.

    Raises `InvalidRequest` for an invalid cursor.
    """
    statement: Any = (
        select(Cat.category, func.count().label("cats"))
        .where(Cat.status == CatStatus.PUBLISHED)
        .group_by(Cat.category)
    )
    rows, next_cursor = await select_page(
        session, statement, "categories", [SortKey(Cat.category, str)], page
    )
    return [(row.category, row.cats) for row in rows], next_cursor
