"""Limits of a developer, a cat and a player, and of one request."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from cathouse_catalog.main import create_app
from cathouse_catalog.models import Version
from cathouse_catalog.settings import Settings
from cathouse_kit.service_context import ServiceContext
from cathouse_kit.testing import FakeServices, Issuer, recorded_statements, running
from fastapi import FastAPI
from sqlalchemy import insert, select

from .support import (
    CATS,
    READ,
    TASK_KEEPER,
    Catalog,
    insert_published,
    is_problem,
    wrong_fields,
)

LIMITS = {
    "max_cats_per_developer": 4,
    "max_drafts_per_developer": 2,
    "max_versions_per_cat": 5,
    "max_versions_per_cat_a_day": 3,
    "max_reviews_per_player": 2,
}


@pytest.fixture
def app(settings: Settings, shared_fake_services: FakeServices) -> FastAPI:
    return create_app(settings.model_copy(update=LIMITS), transport=shared_fake_services.transport)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


async def create(catalog: Catalog, **manifest: Any) -> httpx.Response:
    body = TASK_KEEPER | {"slug": f"cat-{uuid4().hex}"} | manifest
    return await catalog.client.post(CATS, headers=catalog.developer, json=body)


async def add_version(catalog: Catalog, cat: dict[str, Any], version: str) -> httpx.Response:
    path = f"{CATS}/{cat['id']}/versions"
    return await catalog.client.post(path, headers=catalog.developer, json={"version": version})


async def test_the_limit_of_drafts_holds_for_concurrent_requests(
    catalog: Catalog,
) -> None:
    answers = await asyncio.gather(*(create(catalog) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 6
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert is_problem(refused, 409, "quota_reached")
    assert refused.json()["limit"] == 2
    assert len(await catalog.walk(who=catalog.developer, mine=True)) == 2
    other = await catalog.client.post(CATS, headers=catalog.other_developer, json=TASK_KEEPER)
    assert other.status_code == 201


async def test_a_submitted_cat_is_still_a_draft_and_a_reviewed_one_is_not(catalog: Catalog) -> None:
    await catalog.make("submitted")
    await catalog.make("submitted")
    assert is_problem(await create(catalog), 409, "quota_reached")


async def test_the_limit_of_cats_counts_every_status(catalog: Catalog) -> None:
    for status in ("published", "rejected", "suspended", "draft"):
        await catalog.make(status)
    refused = await create(catalog)
    assert is_problem(refused, 409, "quota_reached")
    assert (refused.json()["quota"], refused.json()["limit"]) == ("cats", 4)


async def test_the_daily_limit_of_versions_says_when_to_try_again(
    catalog: Catalog, database_urls: dict[str, str]
) -> None:
    cat = await catalog.make("draft")
    answers = await asyncio.gather(*(add_version(catalog, cat, f"2.{n}.0") for n in range(9)))
    assert sum(answer.status_code == 201 for answer in answers) <= 2
    await add_version(catalog, cat, "3.0.0")
    await add_version(catalog, cat, "3.1.0")
    refused = await add_version(catalog, cat, "3.2.0")
    assert is_problem(refused, 429, "too_many_versions")
    assert 86_000 < int(refused.headers["Retry-After"]) <= 86_400
    await _age_versions(database_urls, cat)
    assert (await add_version(catalog, cat, "3.2.0")).status_code == 201


async def test_the_number_of_versions_of_a_cat_is_limited(
    catalog: Catalog, database_urls: dict[str, str]
) -> None:
    cat = await catalog.make("draft")
    for number in range(2, 6):
        await _age_versions(database_urls, cat)
        assert (await add_version(catalog, cat, f"{number}.0.0")).status_code == 201
    await _age_versions(database_urls, cat)
    refused = await add_version(catalog, cat, "6.0.0")
    assert is_problem(refused, 409, "quota_reached")
    assert refused.json()["limit"] == 5


async def _age_versions(database_urls: dict[str, str], cat: dict[str, Any]) -> None:
    # As the owner of the tables, because the service must not change the creation time of a version.
    connection = await asyncpg.connect(database_urls["catalog_owner"])
    await connection.execute(
        "update versions set created_at = created_at - interval '2 days' where cat_id = $1",
        UUID(cat["id"]),
    )
    await connection.close()


async def test_the_number_of_reviews_is_limited_and_existing_ones_can_be_changed(
    app: FastAPI, catalog: Catalog
) -> None:
    first, second, third = [{"id": id_} for id_ in await insert_published(app, {}, {}, {})]
    for cat in (first, second):
        assert (await catalog.review(cat, 5, catalog.player)).status_code == 201
    assert is_problem(await catalog.review(third, 5, catalog.player), 409, "quota_reached")
    assert (await catalog.review(first, 1, catalog.player)).status_code == 200
    path = f"{CATS}/{first['id']}/reviews/mine"
    assert (await catalog.client.delete(path, headers=catalog.player)).status_code == 204
    assert (await catalog.review(third, 5, catalog.player)).status_code == 201


def routes(number: int, length: int = 8) -> list[dict[str, Any]]:
    return [{"methods": ["GET"], "path": f"/{n:0{length}}"} for n in range(number)]


@pytest.mark.parametrize(
    "scopes",
    [
        # 201 routes in several small scopes.
        [READ | {"name": f"a:b{n}", "routes": routes(50 if n < 4 else 1)} for n in range(5)],
        # More than 64 KiB with exactly 200 routes.
        [READ | {"name": f"a:b{n}", "routes": routes(40, 500)} for n in range(5)],
        # Letters have up to four bytes.
        [
            READ | {"name": f"a:b{n}", "description": "🐈" * 200, "routes": routes(4, 300)}
            for n in range(50)
        ],
    ],
    ids=["routes", "bytes", "bytes of letters"],
)
async def test_the_routes_and_bytes_of_a_manifest_are_limited(
    catalog: Catalog, scopes: list[dict[str, Any]]
) -> None:
    assert wrong_fields(await create(catalog, scopes=scopes)) == [["body", "scopes"]]
    cat = await catalog.make("draft")
    path = f"{CATS}/{cat['id']}/versions"
    answer = await catalog.client.post(
        path, headers=catalog.developer, json={"version": "2.0.0", "scopes": scopes}
    )
    assert wrong_fields(answer) == [["body", "scopes"]]


async def test_a_manifest_at_its_limit_is_stored_and_returned(catalog: Catalog) -> None:
    scopes = [READ | {"name": f"a:b{n}", "routes": routes(50, 250)} for n in range(4)]
    answer = await create(catalog, scopes=scopes)
    assert (answer.status_code, answer.json()["scopes"]) == (201, scopes)
    cat = await catalog.read(answer.json())
    assert cat["scopes"] == scopes


async def test_lists_neither_show_nor_load_scopes(
    app: FastAPI, catalog: Catalog, issuer: Issuer
) -> None:
    cat = await catalog.make()
    async with recorded_statements(app.state.context.database) as queries:
        (found,) = await catalog.walk()
        (version,) = await catalog.walk(f"{CATS}/{cat['id']}/versions")
    assert "scopes" not in found
    assert "scopes" not in version
    # The list of versions first reads one cat, with its scopes, and without a LIMIT.
    assert [query for query in queries if "cats.scopes" in query and "LIMIT" in query] == []
    assert [query for query in queries if "versions.scopes" in query] == []
    alone = await catalog.client.get(f"{CATS}/{cat['id']}/versions/{version['version']}")
    assert alone.json() == version | {"scopes": cat["scopes"]}


async def test_a_page_of_the_largest_versions_is_within_its_limit(
    app: FastAPI, catalog: Catalog
) -> None:
    cat = await catalog.make()
    context: ServiceContext = app.state.context
    async with context.database.sessions() as session, session.begin():
        (stored,) = await session.scalars(select(Version).where(Version.cat_id == UUID(cat["id"])))
        rows = [
            {
                "cat_id": stored.cat_id,
                "version": f"1.0.{n}-{'x' * 50}",
                "release_notes": "🐈" * 10_000,
                "scopes": stored.scopes,
                "published_at": stored.published_at,
            }
            for n in range(100)
        ]
        await session.execute(insert(Version), rows)
    answer = await catalog.client.get(f"{CATS}/{cat['id']}/versions", params={"limit": 100})
    described = app.openapi()["paths"][f"{CATS}/{{cat_id}}/versions"]["get"]["responses"]["200"]
    (stated,) = [
        int(word.replace(",", "")) for word in described["description"].split() if word[0].isdigit()
    ]
    assert len(answer.json()["items"]) == 100
    assert 4_000_000 < len(answer.content) <= stated


async def test_only_insiders_read_an_unpublished_version(catalog: Catalog) -> None:
    cat = await catalog.make("draft")
    await add_version(catalog, cat, "1.1.0")
    for who, action in ((catalog.developer, "submit"), (catalog.admin, "approve")):
        await catalog.client.post(f"{CATS}/{cat['id']}/{action}", headers=who)
    path = f"{CATS}/{cat['id']}/versions"
    for who, version, status in (
        (catalog.nobody, "1.1.0", 200),
        (catalog.nobody, "1.0.0", 404),
        (catalog.other_developer, "1.0.0", 404),
        (catalog.developer, "1.0.0", 200),
        (catalog.admin, "1.0.0", 200),
        (catalog.nobody, "x" * 64, 404),
    ):
        answer = await catalog.client.get(f"{path}/{version}", headers=who)
        assert answer.status_code == status, (version, answer.text)
    assert is_problem(await catalog.client.get(f"{path}/9.9.9"), 404, "version_not_found")
    assert wrong_fields(await catalog.client.get(f"{path}/{'x' * 65}")) == [["path", "version"]]
