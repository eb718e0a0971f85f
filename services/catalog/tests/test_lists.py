import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from cathouse_catalog.models import Cat
from cathouse_kit.service_context import ServiceContext
from cathouse_kit.testing import recorded_statements
from fastapi import FastAPI
from fastapi.dependencies import utils
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from .support import (
    CATS,
    Catalog,
    insert_published,
    wrong_fields,
)


async def order(catalog: Catalog, sort: str) -> list[str]:
    return [cat["name"] for cat in await catalog.walk(sort=sort, limit=2)]


def ago(seconds: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) - timedelta(seconds=seconds)


async def test_the_default_order_is_newest_first(app: FastAPI, catalog: Catalog) -> None:
    await insert_published(
        app, *({"name": f"Cat {age}", "created_at": ago(age)} for age in (3, 1, 4, 2, 5))
    )
    assert await order(catalog, "newest") == [f"Cat {age}" for age in range(1, 6)]
    assert await catalog.walk() == await catalog.walk(sort="newest")


async def test_the_best_rated_come_first_and_the_unrated_last(
    app: FastAPI, catalog: Catalog
) -> None:
    ratings = {"Many fives": (9, 45), "Fives": (2, 10), "Close": (3, 14), "Ones": (4, 4)}
    await insert_published(
        app,
        {"name": "Nothing"},
        *(
            {"name": name, "rating_count": count, "rating_sum": total}
            for name, (count, total) in sorted(ratings.items())
        ),
    )
    assert await order(catalog, "rating") == ["Many fives", "Fives", "Close", "Ones", "Nothing"]


async def test_names_are_in_natural_order(app: FastAPI, catalog: Catalog) -> None:
    ordered = [
        "1000 Cats",
        "apple",
        "Äpfel",
        "Banana",
        "banana split",
        "Cherry",
        "été",
        "Zebra",
        "猫",
    ]
    await insert_published(app, *({"name": name} for name in reversed(ordered)))
    assert await order(catalog, "name") == [
        "1000 Cats",
        "apple",
        "Äpfel",
        "Banana",
        "banana split",
        "Cherry",
        "été",
        "Zebra",
        "猫",
    ]


async def test_a_list_is_filtered_by_category_and_featured(app: FastAPI, catalog: Catalog) -> None:
    await insert_published(
        app,
        {"name": "A", "category": "games"},
        {"name": "B", "category": "games", "featured": True},
        {"name": "C", "category": "music", "featured": True},
    )

    async def found(**params: Any) -> list[str]:
        return [cat["name"] for cat in await catalog.walk(sort="name", limit=1, **params)]

    assert await found(category="games") == ["A", "B"]
    assert await found(featured=True) == ["B", "C"]
    assert await found(featured=False) == ["A"]
    assert await found(category="games", featured=True) == ["B"]
    assert await found(category="sports") == []


async def test_an_invalid_parameter_is_named(catalog: Catalog) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"sort": "best"}, "sort"),
        ({"status": "gone"}, "status"),
        ({"featured": "perhaps"}, "featured"),
        ({"mine": "perhaps"}, "mine"),
        ({"category": "Games"}, "category"),
        ({"category": "nul\0"}, "category"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
    ]
    for params, name in wrong:
        response = await catalog.client.get(CATS, params=params)
        assert wrong_fields(response) == [["query", name]], params


async def test_the_whole_query_is_read_at_once(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastAPI must not look up single parameters: for nine, this took a quarter of a request's CPU time."""
    looked_up: list[str] = []

    def recorded(fields: Any, received: Any) -> Any:
        looked_up.extend(field.name for field in fields)
        return {}, []

    monkeypatch.setattr(utils, "request_params_to_args", recorded)
    response = await catalog.client.get(CATS, params={"q": "chess", "limit": 5, "featured": False})
    assert response.status_code == 200
    assert looked_up == []


def forged(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


SOME_ID = str(uuid4())
NOW = "2026-01-01T00:00:00+00:00"
BAD_CURSORS = (
    "",
    "x",
    "\0",
    "é",
    "%00",
    "=" * 8,
    "AAAA" * 256,
    base64.urlsafe_b64encode(b"{}").decode(),
    base64.urlsafe_b64encode(b"1").decode(),
    base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    forged(),
    forged("newest"),
    forged("newest", NOW),
    forged("newest", NOW, "x"),
    forged("newest", NOW, 7),
    forged("newest", NOW, None),
    forged("newest", 7, SOME_ID),
    forged("newest", NOW, SOME_ID, SOME_ID),
    forged("name", "nul\0", SOME_ID),
    forged("name", "\ud800", SOME_ID),
    forged("name", ["x"], SOME_ID),
    forged("rating", "5", "9" * 30, NOW, SOME_ID),
    forged("rating", "5", "1.5", NOW, SOME_ID),
)


async def test_an_invalid_cursor_or_one_of_another_list_is_refused(
    app: FastAPI, catalog: Catalog
) -> None:
    await insert_published(app, {}, {})
    for cursor in BAD_CURSORS:
        for sort in ("newest", "rating", "name"):
            response = await catalog.client.get(CATS, params={"sort": sort, "cursor": cursor})
            assert wrong_fields(response) == [["query", "cursor"]], (sort, cursor)
    (cat,) = (await catalog.page(limit=1))["items"]
    lists = ("categories", f"cats/{cat['id']}/reviews", f"cats/{cat['id']}/versions")
    for path in lists:
        for cursor in (*BAD_CURSORS, forged("categories", "nul\0"), forged("versions", "x")):
            response = await catalog.client.get(
                f"/api/v1/catalog/{path}", params={"cursor": cursor}
            )
            assert wrong_fields(response) == [["query", "cursor"]], (path, cursor)


async def test_a_cursor_with_strange_values_causes_no_server_error(catalog: Catalog) -> None:
    for sort, first in (
        ("newest", "2026-01-01T00:00:00"),
        ("newest", "0001-01-01T00:00:00+14:00"),
        ("newest", "9999-12-31T23:59:59-14:00"),
        ("rating", "nan"),
        ("rating", "-inf"),
        ("rating", "1e-323"),
        ("name", "\N{CAT}" * 80),
    ):
        rest = ("1", NOW) if sort == "rating" else ()
        cursor = forged(sort, first, *rest, SOME_ID)
        response = await catalog.client.get(CATS, params={"sort": sort, "cursor": cursor})
        assert response.status_code in (200, 422), (sort, first, response.text)


async def test_a_cursor_is_valid_only_for_its_order(app: FastAPI, catalog: Catalog) -> None:
    await insert_published(app, {}, {})
    for sort in ("newest", "rating", "name"):
        cursor = (await catalog.page(limit=1, sort=sort))["next_cursor"]
        for other in {"newest", "rating", "name"} - {sort}:
            response = await catalog.client.get(CATS, params={"sort": other, "cursor": cursor})
            assert wrong_fields(response) == [["query", "cursor"]]


# Only a few values, so that many rows are equal in the order.
rows = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["chess", "Chess", "chess club", "Schach", "chéss"]),
            "created_at": st.sampled_from([ago(0), ago(0), ago(1)]),
            "rating": st.sampled_from([(0, 0), (1, 3), (2, 6), (3, 10), (3, 11)]),
        }
    ),
    max_size=7,
)


def row(drawn: dict[str, Any]) -> dict[str, Any]:
    count, total = drawn.pop("rating")
    return drawn | {"rating_count": count, "rating_sum": total}


@pytest.mark.parametrize(
    "params",
    [{"sort": "newest"}, {"sort": "rating"}, {"sort": "name"}, {"q": "chess"}],
    ids=lambda params: next(iter(params.values())),
)
@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(first=rows, meanwhile=st.lists(rows, max_size=3), limit=st.integers(1, 3))
async def test_no_cat_is_lost_or_repeated_while_cats_are_added(
    app: FastAPI,
    catalog: Catalog,
    params: dict[str, Any],
    first: list[dict[str, Any]],
    meanwhile: list[list[dict[str, Any]]],
    limit: int,
) -> None:
    context: ServiceContext = app.state.context
    async with context.database.sessions() as session, session.begin():
        await session.execute(delete(Cat))
    before = set(await insert_published(app, *map(row, map(dict, first))))
    expected = {cat["id"] for cat in await catalog.walk(limit=100, **params)}
    assert expected <= before
    seen: list[str] = []
    page = await catalog.page(limit=limit, **params)
    while True:
        seen += [cat["id"] for cat in page["items"]]
        if page["next_cursor"] is None:
            break
        assert len(page["items"]) == limit
        if meanwhile:
            await insert_published(app, *map(row, map(dict, meanwhile.pop())))
        page = await catalog.page(limit=limit, cursor=page["next_cursor"], **params)
    assert len(seen) == len(set(seen))
    assert expected <= set(seen)


async def test_the_number_of_round_trips_does_not_grow_with_the_list(
    app: FastAPI, catalog: Catalog
) -> None:
    (cat_id, *_) = await insert_published(app, *({"name": "Chess"} for _ in range(30)))
    expected = {
        CATS: 1,
        f"{CATS}?sort=rating&category=productivity": 1,
        f"{CATS}?mine=true": 1,
        f"{CATS}?q=chess": 1,
        # These lists use a session, which also begins and ends a transaction.
        f"{CATS}/{cat_id}/reviews": 4,
        f"{CATS}/{cat_id}/versions": 4,
        "/api/v1/catalog/categories": 3,
    }
    for limit in (1, 30):
        for path, number in expected.items():
            async with recorded_statements(app.state.context.database) as statements:
                page = await catalog.client.get(
                    path,
                    headers=catalog.developer,
                    params={**dict(_query(path)), "limit": limit},
                )
            assert page.status_code == 200
            assert len(statements) == number, (path, statements)


def _query(path: str) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, _, value in (part.partition("=") for part in path.partition("?")[2].split("&"))
        if name
    ]
