"""Lists of cats: filters, search and orders."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from cathouse_kit.database import Database
from cathouse_kit.pagination import PageRead, PageRequest, SortKey
from cathouse_kit.problems import InvalidRequest
from cathouse_kit.tokens import Principal
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Double,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    select,
    text,
)

from cathouse_catalog.models import Cat, CatStatus
from cathouse_catalog.services.access import listed_to, refuse_to_list_pending_endpoints

# The share of a search's trigrams that a name or tagline must contain, from 0 to 1. Measured with misspelt names, one
# wrong letter a word: 0.3 finds 98% of names of two words and 88% of single words. 0.4 finds 85% and 83%. With 0.3,
# every second search for a single word finds one unrelated cat, which comes last by relevance.
SEARCH_SETTINGS = {"pg_trgm.word_similarity_threshold": "0.3"}
"""PostgreSQL settings for connections that search."""


class CatSort(StrEnum):
    """The order of a list of cats."""

    NEWEST = "newest"
    RATING = "rating"
    NAME = "name"
    RELEVANCE = "relevance"


_q = bindparam("q", type_=Text)
_letters = func.catalog.search_letters(_q)
# PostgreSQL keeps each "-" for "not" until a word follows, and raises an error after 32. Remove those without a word or
# phrase after them.
_words = func.websearch_to_tsquery(
    text("'english'::regconfig"),
    func.regexp_replace(
        func.catalog.search_words(_q), text(r"""'-(?![a-z0-9"])'"""), text("' '"), text("'g'")
    ),
)
_FILTERS: dict[str, ColumnElement[bool]] = {
    # The same literal text as in the partial indexes, or PostgreSQL would not use them.
    "published": literal_column("status = 'published'", Boolean),
    "status": Cat.status == bindparam("status"),
    "developer_id": Cat.developer_id == bindparam("developer_id"),
    "category": Cat.category == bindparam("category"),
    "featured": Cat.featured == bindparam("featured"),
    "endpoint_pending": Cat.pending_endpoint_url.is_not(None),
    "q": or_(
        Cat.search.op("@@", is_comparison=True)(_words),
        Cat.search_text.op("%>", is_comparison=True)(_letters),
    ),
}
# Without scopes, because the scopes of many cats are too large for one response.
_COLUMNS = (
    Cat.id,
    Cat.slug,
    Cat.name,
    Cat.tagline,
    Cat.description,
    Cat.category,
    Cat.developer_id,
    Cat.status,
    Cat.rejection_reason,
    Cat.endpoint_url,
    Cat.pending_endpoint_url,
    Cat.version,
    Cat.rating_average,
    Cat.rating_count,
    Cat.featured,
    Cat.created_at,
    Cat.updated_at,
)
_NEWEST: tuple[SortKey[Any], ...] = (
    SortKey(Cat.created_at, datetime.fromisoformat, descending=True),
    SortKey(Cat.id, UUID, descending=True),
)
_SCORE = cast(
    func.ts_rank(Cat.search, _words) + func.word_similarity(_letters, Cat.search_text), Double
)
_ORDERS: dict[CatSort, tuple[SortKey[Any], ...]] = {
    CatSort.NEWEST: _NEWEST,
    CatSort.NAME: (SortKey(Cat.sort_name, str), SortKey(Cat.id, UUID)),
    CatSort.RATING: (
        SortKey(Cat.rating_average, float, descending=True),
        SortKey(Cat.rating_count, int, descending=True),
        *_NEWEST,
    ),
    CatSort.RELEVANCE: (SortKey(_SCORE, float, descending=True), *_NEWEST),
}


@cache  # a few hundred combinations of filters and orders at most
def _query(filters: frozenset[str], sort: CatSort) -> PageRead:
    statement = select(*_COLUMNS).where(*(_FILTERS[name] for name in sorted(filters)))
    return PageRead(statement, _ORDERS[sort])


async def list_cats(
    database: Database,
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
) -> tuple[Sequence[Mapping[str, Any]], str | None]:
    """Return the columns of a page of cats, without scopes, and the cursor of the next page.

    Without `sort`, the order is by relevance with `q`, otherwise newest first. Raises `Unauthenticated`,
    `UnpublishedCatsHidden`, `EndpointReviewsHidden` and `InvalidRequest`, also for `relevance` without `q`.
    """
    filters = listed_to(viewer, mine=mine, status=status)
    if endpoint_pending:
        refuse_to_list_pending_endpoints(viewer, mine=mine)
        filters["endpoint_pending"] = True
    wanted = {"category": category, "featured": featured, "q": q}
    filters |= {name: value for name, value in wanted.items() if value is not None}
    sort = sort or (CatSort.NEWEST if q is None else CatSort.RELEVANCE)
    order = str(sort)
    if sort is CatSort.RELEVANCE:
        if q is None:
            raise InvalidRequest.of("query", "sort", msg="relevance needs a search: set q")
        # A cursor holds a score, which is only valid for the same search.
        order = f"{sort} {hashlib.sha256(q.encode()).hexdigest()[:16]}"
    query = _query(frozenset(filters), sort)
    return await query.fetch(database, page, order, **filters)
