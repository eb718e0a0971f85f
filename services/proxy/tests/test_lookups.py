"""Lookups of proxied calls are rare, run in advance, and show a change within a second."""

import asyncio
from collections import Counter

import httpx
import pytest
from cathouse_kit.testing import FakeServices, Issuer, eventually
from cathouse_platform.platform import Role
from cathouse_proxy.resources import Resources
from cathouse_proxy.services.admission.ttl_cache import KEEP_SECONDS
from fastapi import FastAPI

from .support import VERIFY, Clock, FakePlatform, Remake

STEP = 0.1


def asked(fake_services: FakeServices) -> Counter[str]:
    return Counter(
        "installation" if "verify" in call.url.path else "cat" for call in fake_services.calls
    )


@pytest.fixture
async def resources(
    app: FastAPI, remake: Remake, clock: Clock, client: httpx.AsyncClient
) -> Resources:
    remake(clock=clock)
    resources: Resources = app.state.resources
    return resources


@pytest.mark.parametrize("caller", ["credential", "owner"])
async def test_calls_within_two_seconds_cause_six_lookups_of_each_service(
    caller: str,
    resources: Resources,
    clock: Clock,
    client: httpx.AsyncClient,
    platform: FakePlatform,
    fake_services: FakeServices,
    issuer: Issuer,
) -> None:
    headers = (
        issuer.headers(Role.PLAYER, platform.owner_id) if caller == "owner" else platform.headers
    )
    async with resources.cats:
        await client.get(platform.path(), headers=headers)
        fake_services.calls.clear()
        for _ in range(20):
            clock.now += STEP
            for _ in range(3):
                assert (await client.get(platform.path(), headers=headers)).status_code == 200
    assert asked(fake_services) == {"installation": 6, "cat": 6}


async def test_a_call_after_a_pause_looks_up_both_services_at_once(
    resources: Resources,
    clock: Clock,
    client: httpx.AsyncClient,
    platform: FakePlatform,
    fake_services: FakeServices,
) -> None:
    seen: list[Counter[str]] = []
    go = asyncio.Event()

    async with resources.cats:
        await client.get(platform.path())
        clock.now += 60
        fake_services.calls.clear()
        answer = platform.verify

        async def slowly(request: httpx.Request) -> httpx.Response:
            await go.wait()
            return answer(request)

        fake_services.on("POST", VERIFY, slowly)
        call = asyncio.create_task(client.get(platform.path()))
        await eventually("the cat to be asked for", lambda: asked(fake_services)["cat"])
        seen.append(asked(fake_services))
        go.set()
        assert (await call).status_code == 200
    assert seen == [{"installation": 1, "cat": 1}]
    assert asked(fake_services) == {"installation": 1, "cat": 1}


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("granted_scopes", ["tasks:write"]),
        ("status", "paused"),
        ("credential", "cat_another"),
        ("cat_status", "suspended"),
    ],
)
@pytest.mark.parametrize("called_before", [1, 4, 7])
async def test_revoked_access_is_refused_within_a_second_despite_refreshes(
    change: str,
    value: object,
    called_before: int,
    resources: Resources,
    clock: Clock,
    client: httpx.AsyncClient,
    platform: FakePlatform,
) -> None:
    headers = platform.headers
    async with resources.cats:
        for _ in range(called_before):
            assert (await client.get(platform.path(), headers=headers)).status_code == 200
            clock.now += STEP
        setattr(platform, change, value)
        changed = clock.now
        while clock.now < changed + KEEP_SECONDS:
            await client.get(platform.path(), headers=headers)
            clock.now += STEP
        assert clock.now < changed + 1
        assert (await client.get(platform.path(), headers=headers)).status_code in (401, 403)
