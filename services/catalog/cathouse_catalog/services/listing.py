"""Lists of cats: filters, search, orders."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from cathouse_kit.pages import PageRequest, SortKey, select_page
from cathouse_kit.problems import InvalidRequest
from cathouse_kit.tokens import Principal
from sqlalchemy import Double, cast, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from cathouse_catalog.models import Cat, CatStatus
from cathouse_catalog.services.access import listed_to, with_pending_endpoint

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
    endpoint_pending: bool,
    sort: CatSort | None,
    page: PageRequest,
) -> tuple[Sequence[Cat], str | None]:
    """A page of cats, and the cursor of the next. Without `sort`, what fits the search best comes first, or the newest.

    Their scopes are not loaded. Raises `InvalidRequest`, also for the order by relevance without a search,
    `Unauthenticated`, `UnpublishedCatsHidden` and `EndpointReviewsHidden`.
    """
    conditions = listed_to(viewer, mine=mine, status=status)
    if endpoint_pending:
        conditions += [with_pending_endpoint(viewer, mine=mine)]
    if category is not None:
        conditions.append(Cat.category == category)
    if featured is not None:
        conditions.append(Cat.featured == featured)
    search = None if q is None else await _prepare(session, q)
    if search is not None:
        similar = Cat.search_text.op("%>", is_comparison=True)(search.letters)
        conditions.append(or_(Cat.search.op("@@", is_comparison=True)(search.words), similar))
    order, keys = _order(sort or (CatSort.NEWEST if search is None else CatSort.RELEVANCE), search)
    # The scopes of many cats are more than one response should hold.
    statement = select(Cat).where(*conditions).options(defer(Cat.scopes, raiseload=True))
    rows, next_cursor = await select_page(session, statement, order, keys, page)
    return [row[0] for row in rows], next_cursor


@dataclass(frozen=True, slots=True)
class _Search:
    q: str
    letters: str
    """For comparison with `Cat.search_text` by trigrams."""
    words: Any
    """The query for `Cat.search`."""


# PostgreSQL remembers each sign for "not" until a word comes, and raises an error after 32. Those that stand before
# neither a word nor a phrase mean nothing.
_PREPARE = text(
    r"""
    select
        set_config('pg_trgm.word_similarity_threshold', :threshold, true),
        catalog.search_letters(:q),
        regexp_replace(catalog.search_words(:q), '-(?![a-z0-9"])', ' ', 'g')
    """
)


async def _prepare(session: AsyncSession, q: str) -> _Search:
    """Makes of a search what the columns of search are made of, and sets the threshold of this transaction."""
    row = await session.execute(_PREPARE, {"threshold": str(WORD_SIMILARITY), "q": q})
    _, letters, words = row.one()
    query = func.websearch_to_tsquery(text("'english'::regconfig"), words)
    return _Search(q, letters, query)


def _order(sort: CatSort, search: _Search | None) -> tuple[str, list[SortKey[Any]]]:
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
            if search is None:
                raise InvalidRequest.of("query", "sort", msg="relevance needs a search in q")
            score = func.ts_rank(Cat.search, search.words) + func.word_similarity(
                search.letters, Cat.search_text
            )
            # The scores of one search mean nothing to another.
            name = hashlib.sha256(search.q.encode()).hexdigest()[:16]
            return f"{sort} {name}", [
                SortKey(cast(score, Double), float, descending=True),
                *newest,
            ]
