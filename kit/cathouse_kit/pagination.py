"""Lists in pages, by keyset pagination: rows that are added between requests do not shift the pages.

A cursor contains the sort keys of the last row of a page. It is opaque to callers, and valid only for its own order.
"""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar, cast
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    SQLColumnExpression,
    String,
    and_,
    bindparam,
    or_,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_kit.database import Database
from cathouse_kit.problems import InvalidRequest
from cathouse_kit.reads import Read
from cathouse_kit.schemas import MAX_CURSOR, MAX_ITEMS


class PageRequest(BaseModel):
    """The query of a list. For filters, write a subclass with a field for each: `Annotated[NoteQuery, Query()]`.

    One model reads the whole query. `routing.py` explains why additional parameters cost more.
    """

    model_config = ConfigDict(frozen=True)

    limit: int = Field(default=20, ge=1, le=MAX_ITEMS, description="The most items of a page")
    cursor: str | None = Field(
        default=None, max_length=MAX_CURSOR, description="`next_cursor` of the previous page"
    )


Paging = Annotated[PageRequest, Query()]
"""Declare a parameter of this type to get `limit` and `cursor` in the route of a list without filters."""

V = TypeVar("V", int, str, float, Decimal, datetime, UUID)


@dataclass(frozen=True, slots=True)
class SortKey(Generic[V]):
    """A column that orders a list. It must not be null. The last key of an order must be unique.

    Raises `TypeError` for a text column without a collation: its order would depend on the cluster's locale.
    """

    column: SQLColumnExpression[V]
    kind: Callable[[str], V]
    """Converts text to a value of the column, such as `UUID` or `datetime.fromisoformat`."""
    descending: bool = False

    def __post_init__(self) -> None:
        kind = cast(Any, self.column).type
        if isinstance(kind, String) and kind.collation is None:
            raise TypeError(
                f'{self.column} has no collation: declare it as String(…, collation="C")'
            )


async def select_page(
    session: AsyncSession,
    statement: Select[Any],
    order: str,
    keys: Sequence[SortKey[Any]],
    page: PageRequest,
) -> tuple[Sequence[Row[Any]], str | None]:
    """Return the rows of a page and the cursor of the next page, with one query.

    A row has the selected columns, followed by the values of the keys. `order` is the name of the order. Raises
    `InvalidRequest` for a cursor of another list or order.
    """
    if page.cursor is not None:
        statement = statement.where(_after(keys, _decode(page.cursor, order, keys)))
    width = len(statement.column_descriptions)
    # One more row than requested shows whether there is a next page.
    statement = _in_order(statement, keys).limit(page.limit + 1)
    with _foreign_cursors_refused(page):
        rows = (await session.execute(statement)).all()
    if len(rows) <= page.limit:
        return rows, None
    rows = rows[: page.limit]
    return rows, _encode(order, rows[-1][width:])


class PageRead:
    """`select_page` for a list that is read often, with two queries that are compiled once: see `reads.py`.

    The parameters of `statement` must be those of `bindparam`. Raises the errors of `Read`.
    """

    def __init__(self, statement: Any, keys: Sequence[SortKey[Any]]) -> None:
        self._keys = keys
        self._width = len(statement.selected_columns)
        bounds = [
            bindparam(f"after_{n}", type_=cast(Any, key.column).type) for n, key in enumerate(keys)
        ]
        after = _in_order(statement.where(_after(keys, bounds)), keys)
        limit = bindparam("page_limit", type_=Integer)
        self._first = Read(_in_order(statement, keys).limit(limit))
        self._next = Read(after.limit(limit))

    async def fetch(
        self, database: Database, page: PageRequest, order: str, **values: Any
    ) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """Return the rows of a page and the cursor of the next page. `order` and errors are those of `select_page`."""
        query = self._first
        if page.cursor is not None:
            query = self._next
            bounds = _decode(page.cursor, order, self._keys)
            values |= {f"after_{n}": bound for n, bound in enumerate(bounds)}
        with _foreign_cursors_refused(page):
            rows = await database.read(query, page_limit=page.limit + 1, **values)
        if len(rows) <= page.limit:
            return rows, None
        rows = rows[: page.limit]
        return rows, _encode(order, list(rows[-1].values())[self._width :])


def _in_order(statement: Select[Any], keys: Sequence[SortKey[Any]]) -> Select[Any]:
    return statement.order_by(
        *(key.column.desc() if key.descending else key.column.asc() for key in keys)
    ).add_columns(*(key.column.label(f"page_key_{n}") for n, key in enumerate(keys)))


@contextmanager
def _foreign_cursors_refused(page: PageRequest) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if page.cursor is not None and _is_data_exception(error):
            raise _not_ours() from error
        raise


def _after(keys: Sequence[SortKey[Any]], values: Sequence[Any]) -> ColumnElement[bool]:
    # Not (a, b) > (x, y), because the directions of the columns may differ.
    alternatives = []
    for n, (key, value) in enumerate(zip(keys, values, strict=True)):
        beyond = key.column < value if key.descending else key.column > value
        ties = [
            earlier.column == bound for earlier, bound in zip(keys[:n], values[:n], strict=True)
        ]
        alternatives.append(and_(*ties, beyond))
    return or_(*alternatives)


def _encode(order: str, values: Sequence[Any]) -> str:
    texts = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return base64.urlsafe_b64encode(orjson.dumps([order, *texts])).decode().rstrip("=")


def _decode(cursor: str, order: str, keys: Sequence[SortKey[Any]]) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        name, *texts = orjson.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        if name != order or not all(isinstance(text, str) for text in texts):
            raise ValueError(name)
        return [key.kind(text) for key, text in zip(keys, texts, strict=True)]
    except (ValueError, TypeError, ArithmeticError, binascii.Error) as error:
        raise _not_ours() from error


def _is_data_exception(error: DBAPIError) -> bool:
    # SQLSTATE class 22: the type of the column cannot hold a value of an invented cursor.
    return str(getattr(error.orig, "sqlstate", "")).startswith("22")


def _not_ours() -> InvalidRequest:
    return InvalidRequest.of("query", "cursor", msg="is not a cursor of this list in this order")
