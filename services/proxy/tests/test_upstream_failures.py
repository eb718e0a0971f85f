"""An upstream service of the proxy is down or slow, or sends an invalid response."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cathouse_kit.testing import Answer, FakeServices, Issuer
from cathouse_platform.platform import PLATFORM, Role
from cathouse_proxy.services.admission.ttl_cache import KEEP_SECONDS

from .support import VERIFY, Clock, FakePlatform, Remake, Rows, ScriptedCat

FAILURES: dict[str, Answer] = {
    "down": httpx.ConnectError("refused"),
    "slow": httpx.ReadTimeout("slow"),
    "overloaded": httpx.Response(503),
    "broken": httpx.Response(500, text="Traceback"),
    "elsewhere": httpx.Response(302, headers={"Location": "http://127.0.0.1/"}),
    "not JSON": httpx.Response(200, text="<html>"),
    "another shape": httpx.Response(200, json={"items": []}),
    "a list": httpx.Response(200, json=[1]),
    "unauthenticated": httpx.Response(401, json={}),
}


@pytest.fixture
def timed(remake: Remake, clock: Clock) -> Clock:
    """The clock of the proxy. A test must request this fixture before `client`, which starts the proxy."""
    remake(clock=clock)
    return clock


async def assert_named(response: httpx.Response, peer: str, cat: ScriptedCat) -> None:
    problem = response.json()
    assert (response.status_code, problem["peer"]) == (503, peer)
    assert problem["type"] == "urn:cathouse:problem:peer_unavailable"
    assert cat.requests == []


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("caller", ["credential", "owner"])
async def test_installation_failing(
    failure: str,
    caller: str,
    client: httpx.AsyncClient,
    platform: FakePlatform,
    issuer: Issuer,
    fake_services: FakeServices,
    cat: ScriptedCat,
    rows: Rows,
) -> None:
    fake_services.on_undescribed("POST", VERIFY, FAILURES[failure])
    headers = (
        platform.headers
        if caller == "credential"
        else issuer.headers(Role.PLAYER, platform.owner_id)
    )
    response = await client.get(platform.path(), headers=headers)
    await assert_named(response, "installation", cat)
    # The call cannot be attributed. If it had a row, any caller could write rows.
    assert await rows() == []


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("caller", ["credential", "owner"])
async def test_calls_of_installations_that_were_known_have_rows_while_installation_fails(
    failure: str,
    caller: str,
    timed: Clock,
    client: httpx.AsyncClient,
    platform: FakePlatform,
    issuer: Issuer,
    fake_services: FakeServices,
    cat: ScriptedCat,
    rows: Rows,
) -> None:
    headers = (
        platform.headers
        if caller == "credential"
        else issuer.headers(Role.PLAYER, platform.owner_id)
    )
    assert (await client.get(platform.path(), headers=headers)).status_code == 200
    cat.requests.clear()
    timed.now += KEEP_SECONDS
    fake_services.on_undescribed("POST", VERIFY, FAILURES[failure])
    await assert_named(await client.get(platform.path(), headers=headers), "installation", cat)
    row = (await rows())[-1]
    assert (row["installation_id"], row["user_id"], row["cat_id"]) == (
        platform.installation_id,
        platform.owner_id,
        platform.cat_id,
    )
    assert (row["path"], row["status"], row["outcome"]) == ("/tasks", 503, "peer_unavailable")

    # Other users write nothing into the owner's audit, and the credential writes nothing into the audit of others.
    for path, stranger in (
        (platform.path(), {"Authorization": "Bearer unknown"}),
        (platform.path(), issuer.headers(Role.PLAYER)),
        (f"/api/v1/proxy/{uuid4()}/tasks", headers),
        ("/api/v1/proxy/no-id/tasks", platform.headers),
    ):
        assert (await client.get(path, headers=stranger)).status_code in (404, 503)
    assert len(await rows()) == 2


async def test_a_credential_that_was_replaced_has_no_rows_while_installation_fails(
    timed: Clock,
    client: httpx.AsyncClient,
    platform: FakePlatform,
    fake_services: FakeServices,
    rows: Rows,
) -> None:
    assert (await client.get(platform.path())).status_code == 200
    platform.credential = "another"
    for verify, status in ((platform.verify, 401), (httpx.ConnectError("down"), 503)):
        timed.now += KEEP_SECONDS
        fake_services.on("POST", VERIFY, verify)
        assert (await client.get(platform.path())).status_code == status
    assert len(await rows()) == 1


@pytest.mark.parametrize("failure", FAILURES)
async def test_catalog_failing(
    failure: str,
    client: httpx.AsyncClient,
    platform: FakePlatform,
    fake_services: FakeServices,
    cat: ScriptedCat,
    rows: Rows,
) -> None:
    fake_services.on_undescribed(
        "GET", f"/api/v1/catalog/internal/cats/{platform.cat_id}", FAILURES[failure]
    )
    await assert_named(await client.get(platform.path()), "catalog", cat)
    assert [(row["status"], row["outcome"]) for row in await rows()] == [(503, "peer_unavailable")]


@pytest.mark.parametrize("failure", ["down", "slow", "overloaded", "broken", "not JSON", "a list"])
async def test_auth_failing(
    failure: str,
    client: httpx.AsyncClient,
    platform: FakePlatform,
    issuer: Issuer,
    fake_services: FakeServices,
    cat: ScriptedCat,
    rows: Rows,
) -> None:
    fake_services.on_undescribed("GET", PLATFORM.identity.keys_path, FAILURES[failure])
    response = await client.get(platform.path(), headers=issuer.headers())
    await assert_named(response, "auth", cat)
    assert await rows() == []


async def test_a_credential_needs_no_auth(
    client: httpx.AsyncClient, platform: FakePlatform, fake_services: FakeServices
) -> None:
    fake_services.on("GET", PLATFORM.identity.keys_path, httpx.ConnectError("refused"))
    assert (await client.get(platform.path())).status_code == 200


@pytest.mark.parametrize("peer", ["installation", "catalog"])
async def test_a_response_about_another_object_is_refused(
    peer: str,
    client: httpx.AsyncClient,
    platform: FakePlatform,
    issuer: Issuer,
    fake_services: FakeServices,
) -> None:
    def about_another(answer: Callable[[httpx.Request], httpx.Response], name: str) -> Answer:
        def changed(request: httpx.Request) -> httpx.Response:
            body: dict[str, Any] = answer(request).json()
            return httpx.Response(200, json=body | {name: str(uuid4())})

        return changed

    fake_services.on("POST", VERIFY, platform.verify)
    if peer == "installation":
        fake_services.on("POST", VERIFY, about_another(platform.verify, "installation_id"))
    else:
        path = f"/api/v1/catalog/internal/cats/{platform.cat_id}"
        fake_services.on("GET", path, about_another(platform.manifest, "id"))
    response = await client.get(
        platform.path(), headers=issuer.headers(Role.PLAYER, platform.owner_id)
    )
    assert (response.status_code, response.json()["peer"]) == (503, peer)


async def test_upstream_requests_carry_the_request_id_and_trace(
    client: httpx.AsyncClient,
    platform: FakePlatform,
    fake_services: FakeServices,
    service_token: str,
) -> None:
    await client.get(platform.path(), headers={"X-Request-ID": "a-request-of-mine"})
    assert len(fake_services.calls) == 2
    for request in fake_services.calls:
        assert request.headers["x-request-id"] == "a-request-of-mine"
        assert request.headers["authorization"] == f"Bearer {service_token}"
        assert request.headers["traceparent"]
