"""Calls of an installation are refused if its owner is disabled, with the credential and with a token."""

from uuid import uuid4

import httpx
import pytest
from cathouse_kit.revocations import Revocations
from cathouse_kit.testing import FakeServices, Issuer, running
from cathouse_platform.platform import PLATFORM, Role
from cathouse_proxy.main import create_app
from cathouse_proxy.settings import Settings
from fastapi import FastAPI

from .support import FakePlatform, Rows, ScriptedCat


@pytest.fixture
def revocations(app: FastAPI) -> Revocations:
    known: Revocations = app.state.context.revocations
    return known


def kind(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].rpartition(":")[2]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
async def test_the_next_call_with_the_credential_of_a_disabled_owner_is_refused(
    client: httpx.AsyncClient,
    platform: FakePlatform,
    cat: ScriptedCat,
    fake_services: FakeServices,
    revocations: Revocations,
    rows: Rows,
    method: str,
) -> None:
    assert (await client.request(method, platform.path())).status_code == 200
    called = len(cat.requests)
    fake_services.revocations.note(platform.owner_id, active=False)
    await revocations.poll()
    # The cached response of installation must not matter.
    response = await client.request(method, platform.path())
    assert response.status_code == 403
    if method != "HEAD":
        assert kind(response) == (403, "owner_disabled")
    assert len(cat.requests) == called
    row = (await rows())[-1]
    assert (row["status"], row["outcome"]) == (403, "owner_disabled")
    assert (row["user_id"], row["cat_id"]) == (platform.owner_id, platform.cat_id)

    fake_services.revocations.note(platform.owner_id, active=True)
    await revocations.poll()
    assert (await client.request(method, platform.path())).status_code == 200


async def test_a_disabled_owner_is_reported_before_the_status_of_the_installation(
    client: httpx.AsyncClient,
    platform: FakePlatform,
    fake_services: FakeServices,
    revocations: Revocations,
) -> None:
    platform.status = "paused"
    fake_services.revocations.note(platform.owner_id, active=False)
    await revocations.poll()
    assert kind(await client.get(platform.path())) == (403, "owner_disabled")


async def test_the_access_token_of_a_disabled_owner_calls_nothing_and_reads_no_audit(
    client: httpx.AsyncClient,
    platform: FakePlatform,
    issuer: Issuer,
    cat: ScriptedCat,
    fake_services: FakeServices,
    revocations: Revocations,
) -> None:
    owner = issuer.headers(Role.PLAYER, platform.owner_id)
    assert (await client.get(platform.path(), headers=owner)).status_code == 200
    fake_services.revocations.note(platform.owner_id, active=False)
    await revocations.poll()
    for path in (platform.path(), "/api/v1/proxy/audit"):
        assert kind(await client.get(path, headers=owner)) == (403, "account_disabled")
    assert len(cat.requests) == 1


async def test_after_a_change_of_role_the_token_is_refused_and_the_credential_still_works(
    client: httpx.AsyncClient,
    platform: FakePlatform,
    issuer: Issuer,
    fake_services: FakeServices,
    revocations: Revocations,
) -> None:
    owner = issuer.headers(Role.PLAYER, platform.owner_id)
    fake_services.revocations.note(platform.owner_id, active=True)
    await revocations.poll()
    assert kind(await client.get(platform.path(), headers=owner)) == (401, "unauthenticated")
    assert (await client.get(platform.path())).status_code == 200


async def test_a_demoted_admin_cannot_read_the_audit_of_others(
    client: httpx.AsyncClient, issuer: Issuer, fake_services: FakeServices, revocations: Revocations
) -> None:
    admin_id = uuid4()
    admin = issuer.headers(Role.ADMIN, admin_id)
    assert (await client.get("/api/v1/proxy/audit", headers=admin)).status_code == 200
    fake_services.revocations.note(admin_id, active=True)
    await revocations.poll()
    assert (await client.get("/api/v1/proxy/audit", headers=admin)).status_code == 401


async def test_while_auth_is_down_disabled_owners_stay_refused_and_others_can_call(
    client: httpx.AsyncClient,
    platform: FakePlatform,
    fake_services: FakeServices,
    revocations: Revocations,
) -> None:
    fake_services.on("GET", PLATFORM.identity.revocations_path, httpx.ConnectError("refused"))
    await revocations.poll()
    assert (await client.get(platform.path())).status_code == 200
    fake_services.on("GET", PLATFORM.identity.revocations_path, fake_services.revocations.answer)
    fake_services.revocations.note(platform.owner_id, active=False)
    await revocations.poll()
    fake_services.on("GET", PLATFORM.identity.revocations_path, httpx.ConnectError("refused"))
    await revocations.poll()
    assert kind(await client.get(platform.path())) == (403, "owner_disabled")


@pytest.mark.parametrize("caller", ["credential", "owner"])
async def test_a_cold_start_without_auth_refuses_every_call_and_names_auth(
    settings: Settings,
    fake_services: FakeServices,
    platform: FakePlatform,
    issuer: Issuer,
    cat: ScriptedCat,
    emptied: None,
    caller: str,
) -> None:
    fake_services.on("GET", PLATFORM.identity.revocations_path, httpx.ConnectError("refused"))
    owner = issuer.headers(Role.PLAYER, platform.owner_id)
    headers = platform.headers if caller == "credential" else owner
    async with running(create_app(settings, transport=fake_services.transport)) as client:
        response = await client.get(platform.path(), headers=headers)
        ready = await client.get("/health/ready")
    assert kind(response) == (503, "peer_unavailable")
    assert response.json()["peer"] == "auth"
    assert cat.requests == []
    assert ready.status_code == 503
    assert ready.json()["checks"]["revocations"]["status"] == "unknown"
