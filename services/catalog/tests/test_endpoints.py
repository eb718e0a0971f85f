"""Endpoints of cats: a move to another host needs a review, and http:// is only for development."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from cathouse_catalog.main import create_app
from cathouse_catalog.settings import Settings
from cathouse_kit.testing import FakeServices, bearer, running
from fastapi import FastAPI

from .support import CATS, TASK_KEEPER, Catalog, is_problem, wrong_fields

OLD = TASK_KEEPER["endpoint_url"]
NEW = "https://elsewhere.example.com/api"
MOVES = [
    NEW,
    "https://tasks.example.com:8443/api",
    "http://tasks.example.com/api",
    "https://tasks.example.com.evil.example/api",
    "https://evil-tasks.example.com/api",
    "https://example.com/api",
    "https://127.0.0.1/api",
    "https://[::1]/api",
]


async def move(catalog: Catalog, cat: dict[str, Any], url: str) -> dict[str, Any]:
    answer = await catalog.client.patch(
        f"{CATS}/{cat['id']}", headers=catalog.developer, json={"endpoint_url": url}
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def decide(catalog: Catalog, cat: dict[str, Any], how: str, url: str) -> httpx.Response:
    return await catalog.client.post(
        f"{CATS}/{cat['id']}/endpoint/{how}", headers=catalog.admin, json={"endpoint_url": url}
    )


@pytest.mark.parametrize("status", ["published", "suspended"])
@pytest.mark.parametrize("url", MOVES)
async def test_a_move_to_another_host_is_pending_until_it_is_approved(
    catalog: Catalog, service_token: str, status: str, url: str
) -> None:
    cat = await catalog.make(status)
    moved = await move(catalog, cat, url)
    assert (moved["endpoint_url"], moved["pending_endpoint_url"]) == (OLD, url)
    assert moved["status"] == status
    internal = f"/api/v1/catalog/internal/cats/{cat['id']}"
    seen = (await catalog.client.get(internal, headers=bearer(service_token))).json()
    assert seen["endpoint_url"] == OLD

    approved = (await decide(catalog, cat, "approve", url)).json()
    assert approved["endpoint_url"] == url
    assert "pending_endpoint_url" not in approved
    assert approved["status"] == status
    seen = (await catalog.client.get(internal, headers=bearer(service_token))).json()
    assert seen["endpoint_url"] == url


async def test_a_restored_cat_keeps_its_old_endpoint(catalog: Catalog) -> None:
    cat = await catalog.make("suspended")
    await move(catalog, cat, NEW)
    restored = await catalog.client.post(f"{CATS}/{cat['id']}/restore", headers=catalog.admin)
    assert restored.json()["endpoint_url"] == OLD


async def test_a_rejected_move_keeps_the_old_endpoint(catalog: Catalog) -> None:
    cat = await catalog.make()
    await move(catalog, cat, NEW)
    rejected = (await decide(catalog, cat, "reject", NEW)).json()
    assert rejected["endpoint_url"] == OLD
    assert "pending_endpoint_url" not in rejected


@pytest.mark.parametrize("how", ["approve", "reject"])
async def test_only_the_reviewed_endpoint_can_be_decided_on(catalog: Catalog, how: str) -> None:
    cat = await catalog.make()
    assert is_problem(await decide(catalog, cat, how, NEW), 409, "endpoint_not_pending")
    await move(catalog, cat, NEW)
    await move(catalog, cat, "https://worse.example.com")
    answer = await decide(catalog, cat, how, NEW)
    assert is_problem(answer, 409, "endpoint_not_pending")
    assert answer.json()["pending_endpoint_url"] == "https://worse.example.com"
    assert (await catalog.read(cat))["endpoint_url"] == OLD


async def test_another_path_on_the_same_host_is_used_at_once(catalog: Catalog) -> None:
    cat = await catalog.make()
    await move(catalog, cat, NEW)
    for url in ("https://tasks.example.com/v2", "https://TASKS.example.com:443/v3", OLD):
        moved = await move(catalog, cat, url)
        assert moved["endpoint_url"] == url.lower().replace(":443", "")
        assert "pending_endpoint_url" not in moved


async def test_a_draft_moves_at_once(catalog: Catalog) -> None:
    moved = await move(catalog, await catalog.make("draft"), NEW)
    assert moved["endpoint_url"] == NEW
    assert "pending_endpoint_url" not in moved


async def test_a_pending_endpoint_is_shown_to_insiders_and_found_by_admins(
    catalog: Catalog,
) -> None:
    cat = await catalog.make()
    await catalog.make()
    await move(catalog, cat, NEW)
    for who in (catalog.nobody, catalog.player, catalog.other_developer):
        seen = await catalog.client.get(f"{CATS}/{cat['id']}", headers=who)
        assert NEW not in seen.text
        assert NEW not in (await catalog.client.get(CATS, headers=who)).text
    for who, mine in ((catalog.admin, False), (catalog.developer, True)):
        found = await catalog.walk(who=who, endpoint_pending=True, mine=mine)
        assert [item["pending_endpoint_url"] for item in found] == [NEW]
    for who, status, code in (
        (catalog.nobody, 401, "unauthenticated"),
        (catalog.player, 403, "endpoint_reviews_hidden"),
        (catalog.developer, 403, "endpoint_reviews_hidden"),
    ):
        answer = await catalog.client.get(CATS, headers=who, params={"endpoint_pending": True})
        assert is_problem(answer, status, code)


class TestOutsideOfDevelopment:
    @pytest.fixture
    def app(self, settings: Settings, shared_fake_services: FakeServices) -> FastAPI:
        default = Settings.model_fields["catalog_allow_http_endpoints"].default
        usual = settings.model_copy(update={"catalog_allow_http_endpoints": default})
        return create_app(usual, transport=shared_fake_services.transport)

    @pytest.fixture
    async def client(self, app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
        async with running(app) as client:
            yield client

    @pytest.mark.parametrize("url", ["http://tasks.example.com", "http://127.0.0.1:8000/x"])
    async def test_an_endpoint_without_encryption_is_refused(
        self, catalog: Catalog, url: str
    ) -> None:
        made = await catalog.client.post(
            CATS, headers=catalog.developer, json=TASK_KEEPER | {"endpoint_url": url}
        )
        assert wrong_fields(made) == [["body", "endpoint_url"]]
        for status in ("draft", "published"):
            cat = await catalog.make(status)
            changed = await catalog.client.patch(
                f"{CATS}/{cat['id']}", headers=catalog.developer, json={"endpoint_url": url}
            )
            assert wrong_fields(changed) == [["body", "endpoint_url"]]
            assert await catalog.read(cat) == cat
