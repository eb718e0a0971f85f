"""Incomplete request bodies share a limited memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from cathouse_kit import body_memory
from cathouse_kit.body_memory import BodyMemory, TooManyLargeBodies
from cathouse_kit.testing import running
from fastapi import FastAPI

from .conftest import MakeApp
from .support import DEADLINE_SECONDS

UPLOAD = "/api/v1/sample/upload"
LARGE = 100_000
COUNTED = LARGE - body_memory.UNCOUNTED_BYTES


@pytest.fixture
def app(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """An app that can hold four large bodies, two of them from one address."""
    monkeypatch.setattr(body_memory, "PROCESS_BYTES", 4 * COUNTED)
    monkeypatch.setattr(body_memory, "NETWORK_BYTES", 2 * COUNTED)
    return make_app(max_body_bytes=LARGE)


def client_at(app: FastAPI, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://cathouse.test")


@asynccontextmanager
async def held_back(app: FastAPI, *addresses: str) -> AsyncIterator[list[int]]:
    """Send bodies without their end. After the block, send the ends, and add the statuses to the list."""
    come, end, statuses = asyncio.Semaphore(0), asyncio.Event(), list[int]()

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * (LARGE - 1)
        come.release()
        await end.wait()
        yield b"x"

    async def upload(address: str) -> None:
        async with client_at(app, address) as client:
            statuses.append((await client.post(UPLOAD, content=body())).status_code)

    uploads = [asyncio.create_task(upload(address)) for address in addresses]
    async with asyncio.timeout(DEADLINE_SECONDS):
        for _ in uploads:
            await come.acquire()
        yield statuses
        end.set()
        await asyncio.gather(*uploads)


async def upload(app: FastAPI, address: str, size: int = LARGE) -> httpx.Response:
    async with client_at(app, address) as client:
        return await client.post(UPLOAD, content=b"x" * size)


async def test_one_address_can_fill_only_its_share(app: FastAPI) -> None:
    async with running(app), held_back(app, "192.0.2.1", "192.0.2.1") as statuses:
        refused = await upload(app, "192.0.2.1")
        assert refused.status_code == 503
        assert refused.json()["type"] == "urn:paper:problem:too_many_large_bodies"
        assert refused.headers["Retry-After"] == "1"
        assert (await upload(app, "192.0.2.2")).status_code == 200
    assert statuses == [200, 200]


async def test_one_network_of_ipv6_is_one_address(app: FastAPI) -> None:
    async with running(app), held_back(app, "2001:db8::1", "2001:db8::2"):
        assert (await upload(app, "2001:db8::3")).status_code == 503
        assert (await upload(app, "2001:db8:0:1::1")).status_code == 200


async def test_a_process_has_a_limit_and_small_bodies_always_pass(app: FastAPI) -> None:
    addresses = [f"192.0.2.{number}" for number in (1, 2, 3, 4)]
    async with running(app), held_back(app, *addresses):
        assert (await upload(app, "192.0.2.9")).status_code == 503
        small = await upload(app, "192.0.2.1", body_memory.UNCOUNTED_BYTES)
        assert small.status_code == 200


async def test_the_memory_of_an_ended_request_is_freed(app: FastAPI) -> None:
    async with running(app):
        for _ in range(3):
            async with held_back(app, "192.0.2.1", "192.0.2.1"):
                assert (await upload(app, "192.0.2.1")).status_code == 503
        assert (await upload(app, "192.0.2.1")).status_code == 200


async def test_a_body_over_its_limit_frees_its_memory(app: FastAPI) -> None:
    async def too_much() -> AsyncIterator[bytes]:
        yield b"x" * LARGE
        yield b"x"

    async with running(app):
        for _ in range(5):
            async with client_at(app, "192.0.2.1") as client:
                assert (await client.post(UPLOAD, content=too_much())).status_code == 413


def test_refused_bytes_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_memory, "NETWORK_BYTES", 10)
    memory = BodyMemory()
    for _ in range(3):
        with pytest.raises(TooManyLargeBodies):
            memory.take("192.0.2.1", 11)
    memory.take("192.0.2.1", 10)
