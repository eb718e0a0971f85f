"""Calls without a valid credential: limited by address, counted, and not in any audit."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from cathouse_kit.testing import FakeServices, Issuer
from cathouse_platform.platform import Role
from cathouse_proxy.main import create_app
from cathouse_proxy.settings import Settings
from fastapi import FastAPI
from limits import RateLimitItemPerHour

from .support import VERIFY, FakePlatform, Rows, ScriptedCat

METRIC = "proxy_unidentified_calls_total"


def counted(app: FastAPI) -> dict[str, float]:
    """Return the number of counted calls by outcome."""
    return {
        sample.labels["outcome"]: sample.value
        for family in app.state.context.metrics.registry.collect()
        for sample in family.samples
        if sample.name == METRIC
    }


@pytest.fixture
def app(settings: Settings, fake_services: FakeServices) -> FastAPI:
    limited = settings.model_copy(update={"unidentified_limit_by_address": RateLimitItemPerHour(3)})
    return create_app(limited, transport=fake_services.transport)


@pytest.fixture
async def stranger(app: FastAPI, client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Another client of the same app, with the same address and without a credential."""
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://cathouse.test") as other:
        yield other


KINDS = {
    "nothing": "",
    "another scheme": "Basic Y2F0OmNhdA==",
    "an unknown credential": "Bearer unknown",
    "no token": "Bearer a,b",
    "a token of nobody": "Bearer a.b.c",
    "too long": "Bearer " + "a" * 300,
}


@pytest.mark.parametrize("kind", KINDS)
async def test_unidentified_calls_are_limited_and_leave_no_row(
    kind: str,
    app: FastAPI,
    client: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    platform: FakePlatform,
    rows: Rows,
) -> None:
    headers = {"Authorization": KINDS[kind]}
    answers = [await stranger.get(platform.path(), headers=headers) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429, 429]
    problem = answers[-1].json()
    assert problem["type"] == "urn:cathouse:problem:too_many_requests"
    assert "without a valid credential" in problem["detail"]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 3600
    assert await rows() == []
    assert sum(counted(app).values()) == 6
    assert counted(app)["too_many_requests"] == 3
    # A caller with a credential at the same address is not limited.
    assert (await client.get(platform.path())).status_code == 200
    assert [row["outcome"] for row in await rows()] == ["answered"]
    assert sum(counted(app).values()) == 6


async def test_another_persons_token_and_credential_count_and_leave_no_row(
    app: FastAPI, client: httpx.AsyncClient, platform: FakePlatform, issuer: Issuer, rows: Rows
) -> None:
    someone = issuer.headers(Role.PLAYER)
    paths = [platform.path(), f"/api/v1/proxy/{uuid4()}/tasks", "/api/v1/proxy/no-id/tasks"]
    answers = [await client.get(path, headers=someone) for path in paths]
    answers.append(await client.get(paths[1]))
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    assert await rows() == []
    assert counted(app) == {"installation_not_found": 3, "too_many_requests": 1}


async def test_each_address_has_its_own_limit_and_a_network_of_ipv6_one(
    app: FastAPI, client: httpx.AsyncClient, platform: FakePlatform
) -> None:
    async def status(address: str) -> int:
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://cathouse.test") as other:
            return (await other.get(platform.path())).status_code

    addresses = ["8.8.8.8", "8.8.4.4", "2a00:1450::1"]
    assert [await status(address) for address in addresses for _ in range(4)] == [
        *(401, 401, 401, 429)
    ] * 3
    assert await status("2a00:1450::ffff:1") == 429
    assert await status("::ffff:8.8.8.8") == 429
    assert await status("2a00:1450:0:1::1") == 401


@pytest.mark.parametrize("service", ["installation", "auth"])
async def test_calls_that_cannot_be_attributed_leave_no_row(
    service: str,
    app: FastAPI,
    client: httpx.AsyncClient,
    platform: FakePlatform,
    issuer: Issuer,
    fake_services: FakeServices,
    rows: Rows,
) -> None:
    fake_services.on("POST", VERIFY, httpx.ConnectError("down"))
    fake_services.on("GET", "/api/v1/auth/jwks", httpx.ConnectError("down"))
    headers = platform.headers if service == "installation" else issuer.headers()
    assert (await client.get(platform.path(), headers=headers)).status_code == 503
    assert await rows() == []
    assert counted(app) == {"peer_unavailable": 1}


async def test_the_count_is_among_the_metrics(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, platform: FakePlatform
) -> None:
    await stranger.get(platform.path())
    metrics = (await client.get("/metrics")).text
    assert f'{METRIC}{{outcome="unauthenticated"}} 1.0' in metrics


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("a" * 4000, 403),
        ("tasks/" + "%C3%A9" * 1000, 403),
        ("tasks/" + "a" * 9000, 414),
        ("a" * 600 + "//", 400),
        ("%00" * 2000, 400),
        ("%2e%2e/" * 500, 400),
    ],
)
async def test_the_path_of_a_refused_call_is_cut(
    path: str, status: int, client: httpx.AsyncClient, platform: FakePlatform, rows: Rows
) -> None:
    response = await client.get(platform.path(path))
    assert response.status_code == status
    [row] = await rows()
    assert (row["status"], len(row["path"].encode())) == (status, 512)
    assert f"/{path}".startswith(row["path"])


async def test_the_path_of_a_paused_installations_call_is_cut(
    client: httpx.AsyncClient, platform: FakePlatform, rows: Rows
) -> None:
    platform.status = "paused"
    assert (await client.get(platform.path("a" * 4000))).status_code == 403
    [row] = await rows()
    assert (row["outcome"], len(row["path"])) == ("installation_paused", 512)


async def test_the_path_of_a_call_that_is_made_is_whole(
    client: httpx.AsyncClient, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    assert (await client.delete(platform.path("tasks/" + "a" * 4000))).status_code == 200
    [row] = await rows()
    assert row["path"] == "/tasks/" + "a" * 4000
