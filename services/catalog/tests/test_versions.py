import asyncio
from typing import Any

import httpx
import pytest

from .support import CATS, READ, WRITE, Catalog, is_problem, wrong_fields


async def add(catalog: Catalog, cat: dict[str, Any], version: str, **body: Any) -> httpx.Response:
    return await catalog.client.post(
        f"{CATS}/{cat['id']}/versions", headers=catalog.developer, json={"version": version} | body
    )


async def versions(catalog: Catalog, cat: dict[str, Any], who: dict[str, str]) -> list[str]:
    return [
        item["version"]
        for item in await catalog.walk(f"{CATS}/{cat['id']}/versions", who=who, limit=2)
    ]


async def test_a_new_version_is_the_current_one(catalog: Catalog) -> None:
    cat = await catalog.make()
    response = await add(catalog, cat, "1.1.0", release_notes="Only reads now.", scopes=[READ])
    added = response.json()
    assert response.status_code == 201
    assert added["published_at"] == added["created_at"]
    assert added == {
        "version": "1.1.0",
        "release_notes": "Only reads now.",
        "scopes": [READ],
        "created_at": added["created_at"],
        "published_at": added["published_at"],
    }
    now = await catalog.read(cat)
    assert now["updated_at"] > cat["updated_at"]
    assert now == cat | {
        "version": "1.1.0",
        "scopes": [READ],
        "updated_at": now["updated_at"],
    }


async def test_a_version_without_scopes_keeps_the_previous_scopes(catalog: Catalog) -> None:
    cat = await catalog.make()
    assert (await add(catalog, cat, "1.0.1")).json()["scopes"] == [READ, WRITE]
    assert (await add(catalog, cat, "1.0.2", scopes=[])).json()["scopes"] == []
    assert (await add(catalog, cat, "1.0.3")).json()["scopes"] == []


# The examples of Semantic Versioning 2.0.0, section 11, with lower and higher versions around them.
RISING = (
    "0.9.0",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.9",
    "1.0.10",
    "1.2.0",
    "1.10.0",
    "2.0.0+build.7",
    "10.0.0",
)


async def test_versions_increase_by_the_precedence_of_semantic_versions(catalog: Catalog) -> None:
    cat = await catalog.make("draft", version="0.1.0")
    for version in RISING:
        assert (await add(catalog, cat, version)).status_code == 201
    assert await versions(catalog, cat, catalog.developer) == [*RISING[::-1], "0.1.0"]
    for version in (*RISING, "10.0.0+later", "10.0.0-rc.1"):
        response = await add(catalog, cat, version)
        assert is_problem(response, 409, "version_not_higher")
        assert response.json()["current"] == "10.0.0"


async def test_one_of_many_concurrent_requests_adds_a_version(catalog: Catalog) -> None:
    cat = await catalog.make()
    responses = await asyncio.gather(*(add(catalog, cat, "1.1.0") for _ in range(10)))
    assert sorted(response.status_code for response in responses) == [201] + [409] * 9


async def test_concurrent_versions_never_decrease(catalog: Catalog) -> None:
    cat = await catalog.make("published", version="0.1.0")
    numbers = [7, 3, 9, 1, 8, 2, 6, 4, 5]
    await asyncio.gather(*(add(catalog, cat, f"1.{number}.0") for number in numbers))
    listed = await versions(catalog, cat, catalog.nobody)
    assert listed[0] == (await catalog.read(cat))["version"] == "1.9.0"
    assert listed == sorted(listed, reverse=True)


async def test_an_invalid_version_is_refused(catalog: Catalog) -> None:
    cat = await catalog.make()
    wrong: list[tuple[dict[str, Any], list[str | int]]] = [
        ({}, ["version"]),
        ({"version": "1"}, ["version"]),
        ({"version": "2.0.0", "release_notes": "x\0"}, ["release_notes"]),
        ({"version": "2.0.0", "scopes": [READ | {"name": "x"}]}, ["scopes", 0, "name"]),
        ({"version": "2.0.0", "name": "New"}, ["name"]),
    ]
    for body, where in wrong:
        response = await catalog.client.post(
            f"{CATS}/{cat['id']}/versions", headers=catalog.developer, json=body
        )
        assert wrong_fields(response) == [["body", *where]], body
    assert await catalog.read(cat) == cat


async def test_players_see_only_versions_that_they_could_adopt(catalog: Catalog) -> None:
    cat = await catalog.make("draft")
    await add(catalog, cat, "1.1.0")
    for who, action in ((catalog.developer, "submit"), (catalog.admin, "approve")):
        await catalog.client.post(f"{CATS}/{cat['id']}/{action}", headers=who)
    await add(catalog, cat, "1.2.0")
    assert await versions(catalog, cat, catalog.nobody) == ["1.2.0", "1.1.0"]
    assert await versions(catalog, cat, catalog.other_developer) == ["1.2.0", "1.1.0"]
    assert await versions(catalog, cat, catalog.developer) == ["1.2.0", "1.1.0", "1.0.0"]
    assert await versions(catalog, cat, catalog.admin) == ["1.2.0", "1.1.0", "1.0.0"]


def wider(scope: dict[str, Any]) -> dict[str, Any]:
    return scope | {"routes": [*scope["routes"], {"methods": ["DELETE"], "path": "/all"}]}


@pytest.mark.parametrize("status", ["published", "suspended"])
async def test_a_published_scope_never_allows_more(catalog: Catalog, status: str) -> None:
    cat = await catalog.make(status)
    response = await add(catalog, cat, "1.1.0", scopes=[wider(READ), WRITE])
    assert is_problem(response, 409, "scope_widened")
    assert response.json()["scope"] == "tasks:read"
    assert response.json()["routes"] == ["DELETE /all"]
    assert await catalog.read(cat) == cat


async def test_a_draft_can_declare_any_scopes(catalog: Catalog) -> None:
    cat = await catalog.make("draft")
    assert (await add(catalog, cat, "1.1.0", scopes=[wider(READ)])).status_code == 201


async def test_more_routes_need_a_scope_with_a_new_name(catalog: Catalog) -> None:
    cat = await catalog.make()
    everything = wider(READ) | {"name": "tasks:everything"}
    response = await add(catalog, cat, "1.1.0", scopes=[READ, WRITE, everything])
    assert response.json()["scopes"] == [READ, WRITE, everything]


async def test_a_scope_cannot_come_back_wider_after_it_was_dropped_or_narrowed(
    catalog: Catalog,
) -> None:
    cat = await catalog.make()
    narrow = READ | {"routes": [{"methods": ["GET"], "path": "/tasks/{id}"}]}
    assert (await add(catalog, cat, "1.1.0", scopes=[narrow])).status_code == 201
    assert (await add(catalog, cat, "1.2.0", scopes=[])).status_code == 201
    for scope in (READ, wider(WRITE), wider(narrow)):
        assert is_problem(await add(catalog, cat, "1.3.0", scopes=[scope]), 409, "scope_widened")
    assert (await add(catalog, cat, "1.3.0", scopes=[narrow, WRITE])).status_code == 201


async def test_scopes_of_unpublished_versions_do_not_count(catalog: Catalog) -> None:
    cat = await catalog.make("draft", scopes=[READ])
    assert (await add(catalog, cat, "1.1.0", scopes=[])).status_code == 201
    for who, action in ((catalog.developer, "submit"), (catalog.admin, "approve")):
        await catalog.client.post(f"{CATS}/{cat['id']}/{action}", headers=who)
    assert (await add(catalog, cat, "1.2.0", scopes=[wider(READ)])).status_code == 201
