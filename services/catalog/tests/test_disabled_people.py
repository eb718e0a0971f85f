"""Disabled and demoted people are refused, although their tokens are still valid."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest
from cathouse_catalog.main import create_app
from cathouse_catalog.settings import Settings
from cathouse_kit.revocations import Revocations
from cathouse_kit.testing import FakeServices, running
from cathouse_platform.platform import PLATFORM, Role
from fastapi import FastAPI

from .support import CATS, Catalog, is_problem


@pytest.fixture
def app(settings: Settings, fake_services: FakeServices) -> FastAPI:
    return create_app(settings, transport=fake_services.transport)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


@pytest.fixture
def revocations(app: FastAPI) -> Revocations:
    known: Revocations = app.state.context.revocations
    return known


@pytest.mark.parametrize("status", ["draft", "published", "suspended"])
async def test_a_disabled_developer_cannot_change_a_cat(
    catalog: Catalog, fake_services: FakeServices, revocations: Revocations, status: str
) -> None:
    cat = await catalog.make(status)
    developer = UUID(cat["developer_id"])
    fake_services.revocations.note(developer, active=False)
    await revocations.poll()
    url, version = f"{CATS}/{cat['id']}", {"version": "9.0.0", "release_notes": "mine"}
    for method, path, body in (
        ("PATCH", url, {"endpoint_url": "https://evil.example"}),
        ("POST", f"{url}/versions", version),
        ("POST", f"{url}/submit", None),
        ("GET", url, None),
        ("GET", f"{CATS}?mine=true", None),
    ):
        answer = await catalog.client.request(method, path, headers=catalog.developer, json=body)
        assert is_problem(answer, 403, "account_disabled")
    seen = await catalog.client.get(url, headers=catalog.admin)
    assert seen.json()["endpoint_url"] == cat["endpoint_url"]


@pytest.mark.parametrize("active", [True, False], ids=["demoted", "disabled"])
@pytest.mark.parametrize("action", ["approve", "reject", "suspend", "restore", "featured"])
async def test_a_demoted_or_disabled_admin_cannot_decide(
    catalog: Catalog,
    fake_services: FakeServices,
    revocations: Revocations,
    action: str,
    active: bool,
) -> None:
    admin_id = uuid4()
    admin = catalog.issuer.headers(Role.ADMIN, admin_id)
    cat = await catalog.make("submitted")
    fake_services.revocations.note(admin_id, active=active)
    await revocations.poll()
    body = {"reject": {"reason": "mine"}, "featured": {"featured": True}}.get(action)
    answer = await catalog.client.request(
        "PUT" if action == "featured" else "POST",
        f"{CATS}/{cat['id']}/{action}",
        headers=admin,
        json=body,
    )
    if active:
        assert is_problem(answer, 401, "unauthenticated")
    else:
        assert is_problem(answer, 403, "account_disabled")
    assert (await catalog.read(cat))["status"] == "submitted"


async def test_a_cold_start_without_auth_serves_only_requests_without_a_token(
    settings: Settings, catalog: Catalog, fake_services: FakeServices
) -> None:
    fake_services.on("GET", PLATFORM.identity.revocations_path, httpx.ConnectError("refused"))
    async with running(create_app(settings, transport=fake_services.transport)) as cold:
        refused = await cold.get(CATS, headers=catalog.player)
        nobody = await cold.get(CATS)
    assert is_problem(refused, 503, "peer_unavailable")
    assert refused.json()["peer"] == "auth"
    assert nobody.status_code == 200
