"""The checks run in the contract's order: each check fails first although all later checks would fail, too."""

import fastapi.routing
import pytest
from cathouse_kit.testing import Issuer
from fastapi import FastAPI
from httpx import AsyncClient
from limits import RateLimitItemPerHour

from .support import Clock, FakePlatform, Remake, Rows, ScriptedCat


async def test_a_call_reaches_the_cat_and_its_response_is_returned(
    client: AsyncClient, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    response = await client.get(platform.path("tasks?done=no"))
    assert (response.status_code, response.json()) == (200, {"ok": True})
    assert cat.requests[0].line == "GET /tasks?done=no HTTP/1.1"
    [row] = await rows()
    assert row.pop("at") is not None
    assert row.pop("id") is not None
    assert row.pop("duration_ms") > 0
    assert row == {
        "installation_id": platform.installation_id,
        "user_id": platform.owner_id,
        "cat_id": platform.cat_id,
        "method": "GET",
        "path": "/tasks",
        "scope": "tasks:read",
        "status": 200,
        "outcome": "answered",
        "request_id": response.headers["x-request-id"],
    }


async def test_the_checks_run_in_the_order_of_the_contract(
    app: FastAPI,
    remake: Remake,
    clock: Clock,
    client: AsyncClient,
    platform: FakePlatform,
    cat: ScriptedCat,
    issuer: Issuer,
    rows: Rows,
) -> None:
    problems: list[tuple[int, str]] = []

    async def call(headers: dict[str, str], path: str, **changes: object) -> None:
        for name, value in changes.items():
            setattr(platform, name, value)
        clock.now += 1  # the cached responses of other services expire
        response = await client.get(platform.path(path), headers={"Authorization": ""} | headers)
        kind = response.json()["type"]
        problems.append((response.status_code, kind.removeprefix("urn:cathouse:problem:")))

    platform.endpoint_url = "http://127.0.0.1:1"
    neighbour = platform.neighbour()
    remake({"rate_limit_per_installation": RateLimitItemPerHour(20)}, clock=clock)
    async with app.state.resources.cats:
        failed = await client.get(neighbour.path(), headers=neighbour.headers)
        assert failed.status_code == 502
        for _ in range(19):
            await call(platform.headers, "tasks", granted_scopes=["tasks:read"])
        assert problems == [(502, "cat_unreachable")] * 19
        problems.clear()

        forbidden = "a//b"
        everything = {"status": "paused", "cat_status": "suspended", "granted_scopes": []}
        await call({}, forbidden, **everything)
        await call({"Authorization": "Bearer nobody-has-this"}, forbidden)
        await call(issuer.headers(), forbidden)
        await call(platform.headers, forbidden)
        await call(platform.headers, forbidden, status="active")
        await call(platform.headers, forbidden, cat_status="published")
        await call(platform.headers, "tasks")
        # The last call within the rate limit fails because the cat is cut off. The next one exceeds the rate limit.
        await call(platform.headers, "tasks", granted_scopes=["tasks:read"])
        await call(platform.headers, "tasks")

    assert problems == [
        (401, "unauthenticated"),
        (401, "unknown_credential"),
        (404, "installation_not_found"),
        (403, "installation_paused"),
        (403, "cat_suspended"),
        (400, "request_refused"),
        (403, "scope_missing"),
        (503, "cat_cut_off"),
        (429, "too_many_requests"),
    ]
    assert cat.requests == []
    # The first three callers may not use the installation, so their calls have no row.
    assert [(row["status"], row["outcome"]) for row in (await rows())[20:]] == problems[3:]


async def test_fastapi_solves_no_dependencies_for_a_call(
    client: AsyncClient, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def solve(**_: object) -> None:
        raise AssertionError("dependencies are solved for a proxied call")

    monkeypatch.setattr(fastapi.routing, "solve_dependencies", solve)
    assert (await client.get(platform.path())).status_code == 200
