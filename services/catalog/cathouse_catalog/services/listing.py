"""Lists of cats: filters, search, orders."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from cathouse_kit.pages import PageRequest, SortKey, select_page
from cathouse_kit.problems import InvalidRequest
from cathouse_kit.tokens import Principal
from sqlalchemy import Double, cast, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_catalog.models import Cat, CatStatus
from cathouse_catalog.services.access import listed_to

# How much of a search's trigrams a name or a tagline must share with it, of 1. Tried over misspelt names, one wrong
# letter a word: 0.3 finds 98% of those of two words and 88% of single words, 0.4 finds 85% and 83%. The few strangers
# that 0.3 lets in, one in two searches for a single word, come last by relevance.
WORD_SIMILARITY = 0.3


class CatSort(StrEnum):
    """How a list of cats is ordered."""

    NEWEST = "newest"
    RATING = "rating"
    NAME = "name"
    RELEVANCE = "relevance"


async def list_cats(
    session: AsyncSession,
    viewer: Principal | None,
    *,
    q: str | None,
    category: str | None,
    featured: bool | None,
    status: CatStatus | None,
    mine: bool,
    sort: CatSort | None,
    page: PageRequest,
) -> tuple[Sequence[Cat], str | None]:
    """A page of cats, and the cursor of the next. Without `sort`, what fits the search best comes first, or the newest.

    Raises `InvalidRequest`, also for the order by relevance without a search, `Unauthenticated` and
    `UnpublishedCatsHidden`.
    """
    conditions = listed_to(viewer, mine=mine, status=status)
    if category is not None:
        conditions.append(Cat.category == category)
    if featured is not None:
        conditions.append(Cat.featured == featured)
    if q is not None:
        await session.execute(
            text("select set_config('pg_trgm.word_similarity_threshold', :threshold, true)"),
            {"threshold": str(WORD_SIMILARITY)},
        )
        similar = Cat.search_text.op("%>", is_comparison=True)(q)
        conditions.append(or_(Cat.search.op("@@", is_comparison=True)(_words(q)), similar))
    order, keys = _order(sort or (CatSort.NEWEST if q is None else CatSort.RELEVANCE), q)
    rows, next_cursor = await select_page(
        session, select(Cat).where(*conditions), order, keys, page
    )
    return [row[0] for row in rows], next_cursor


def _words(q: str) -> Any:
    return func.websearch_to_tsquery(text("'english'::regconfig"), q)


def _order(sort: CatSort, q: str | None) -> tuple[str, list[SortKey[Any]]]:
    newest: list[SortKey[Any]] = [
        SortKey(Cat.created_at, datetime.fromisoformat, descending=True),
        SortKey(Cat.id, UUID, descending=True),
    ]
    match sort:
        case CatSort.NEWEST:
            return sort, newest
        case CatSort.NAME:
            return sort, [SortKey(Cat.sort_name, str), SortKey(Cat.id, UUID)]
        case CatSort.RATING:
            best: list[SortKey[Any]] = [
                SortKey(Cat.rating_average, float, descending=True),
                SortKey(Cat.rating_count, int, descending=True),
            ]
            return sort, best + newest
        case CatSort.RELEVANCE:
            if q is None:
                raise InvalidRequest.of("query", "sort", msg="relevance needs a search in q")
            score = func.ts_rank(Cat.search, _words(q)) + func.word_similarity(q, Cat.search_text)
            # The scores of one search mean nothing to another.
            search = hashlib.sha256(q.encode()).hexdigest()[:16]
            return f"{sort} {search}", [
                SortKey(cast(score, Double), float, descending=True),
                *newest,
            ]
