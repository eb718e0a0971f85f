import base64
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest
from cathouse_kit.database import Database
from cathouse_kit.pagination import PageRequest, Paging, SortKey, select_page
from cathouse_kit.problems import InvalidRequest
from cathouse_kit.security import anyone
from cathouse_kit.testing import running
from fastapi import APIRouter, Depends
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    Uuid,
    func,
    insert,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.schema import CreateTable

from .conftest import MakeApp

# A temporary table lives as long as the connection, and each test has its own.
LISTED = Table(
    "listed",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("score", Numeric, nullable=False),
    Column("name", String(collation="C"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("uuid", Uuid, server_default=func.uuidv7()),
    prefixes=["temporary"],
)
START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = st.lists(
    st.tuples(
        st.integers(-2, 2),
        st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=3),
        st.integers(0, 2),
    ),
    max_size=6,
)


def test_an_order_by_text_needs_a_collation() -> None:
    """Without a collation, the order depends on the locale of the cluster."""
    for column in (Column("name", String), Column("name", Text)):
        with pytest.raises(TypeError, match="has no collation"):
            SortKey(column, str)


def keys(score_down: bool, name_down: bool, at_down: bool, id_down: bool) -> list[SortKey[Any]]:
    return [
        SortKey(LISTED.c.score, Decimal, descending=score_down),
        SortKey(LISTED.c.name, str, descending=name_down),
        SortKey(LISTED.c.at, datetime.fromisoformat, descending=at_down),
        SortKey(LISTED.c.id, int, descending=id_down),
    ]


async def add(session: AsyncSession, rows: list[tuple[int, str, int]]) -> None:
    if rows:
        values = [
            {"score": score, "name": name, "at": START + timedelta(microseconds=late)}
            for score, name, late in rows
        ]
        await session.execute(insert(LISTED).values(values))


async def ids(session: AsyncSession, order: list[SortKey[Any]]) -> list[int]:
    columns = [key.column.desc() if key.descending else key.column for key in order]
    return list((await session.scalars(select(LISTED.c.id).order_by(*columns))).all())


@given(
    first=ROWS,
    added=st.lists(ROWS, max_size=4),
    limit=st.integers(1, 4),
    directions=st.tuples(*[st.booleans()] * 4),
)
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    database=None,
)
async def test_no_row_is_lost_or_repeated_while_rows_are_added(
    database: Database,
    first: list[tuple[int, str, int]],
    added: list[list[tuple[int, str, int]]],
    limit: int,
    directions: tuple[bool, bool, bool, bool],
) -> None:
    order = keys(*directions)
    async with database.sessions() as session:
        await session.execute(CreateTable(LISTED))
        await add(session, first)
        before = await ids(session, order)

        seen: list[int] = []
        cursor: str | None = None
        to_add = list(added)
        while True:
            rows, cursor = await select_page(
                session, select(LISTED.c.id), "all", order, PageRequest(limit=limit, cursor=cursor)
            )
            assert len(rows) == limit or cursor is None
            seen += [row[0] for row in rows]
            if cursor is None:
                break
            if to_add:
                await add(session, to_add.pop())

        after = await ids(session, order)
        await session.rollback()
    assert len(set(seen)) == len(seen)
    assert [id_ for id_ in seen if id_ in set(before)] == before
    assert seen == [id_ for id_ in after if id_ in set(seen)]


def forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(parts))).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "%%%",
        "é",
        "A",
        base64.urlsafe_b64encode(b"7").decode(),
        base64.urlsafe_b64encode(b'"all"').decode(),
        base64.urlsafe_b64encode(b"{}").decode(),
        base64.urlsafe_b64encode(b"[" * 500).decode(),
        forged(),
        forged("another order", "1", "a", START.isoformat(), "1"),
        forged("all", "1", "a", START.isoformat()),
        forged("all", "1", "a", START.isoformat(), "1", "1"),
        forged("all", "one", "a", START.isoformat(), "1"),
        forged("all", "1", "a", "yesterday", "1"),
        forged("all", "1", "a", START.isoformat(), 1),
        forged("all", "1", "a", START.isoformat(), None),
        forged("all", "1", "a", START.isoformat(), ["1"]),
        # Only PostgreSQL or its driver refuses these:
        forged("all", "1", "nul \0", START.isoformat(), "1"),
        forged("all", "1", "a", START.isoformat(), "9" * 30),
        forged("all", "1", "a", START.isoformat(), str(2**31)),
        forged("all", "1", "a", "0001-01-01T00:00:00+14:00", "1"),
        forged("all", "1e999999", "a", START.isoformat(), "1"),
    ],
)
async def test_a_cursor_of_another_list_is_invalid(cursor: str, database: Database) -> None:
    async with database.sessions() as session:
        await session.execute(CreateTable(LISTED))
        with pytest.raises(InvalidRequest) as invalid:
            await select_page(
                session,
                select(LISTED),
                "all",
                keys(False, False, False, False),
                PageRequest(limit=20, cursor=cursor),
            )
    assert invalid.value.members["errors"][0]["loc"] == ["query", "cursor"]


async def test_ids_that_are_uuids_order_a_list_too(database: Database) -> None:
    async with database.sessions() as session:
        await session.execute(CreateTable(LISTED))
        await add(session, [(1, "a", 0)] * 3)
        order = [SortKey(LISTED.c.uuid, UUID, descending=True)]
        names: list[int] = []
        cursor = None
        for _ in range(3):
            rows, cursor = await select_page(
                session, select(LISTED), "newest", order, PageRequest(limit=1, cursor=cursor)
            )
            names.append(rows[0].id)
    assert names == [3, 2, 1]
    assert cursor is None


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200),
        ("?limit=1", 200),
        ("?limit=100&cursor=abc", 200),
        ("?limit=0", 422),
        ("?limit=101", 422),
        ("?limit=many", 422),
        (f"?cursor={'a' * 1025}", 422),
    ],
)
async def test_limits_are_between_1_and_100(query: str, status: int, make_app: MakeApp) -> None:
    router = APIRouter(dependencies=[Depends(anyone)])

    @router.get("/listed")
    async def listed(page: Paging) -> list[object]:
        return [page.limit, page.cursor]

    async with running(make_app(router)) as client:
        response = await client.get(f"/listed{query}")
    assert response.status_code == status
    if not query:
        assert response.json() == [20, None]
