"""Idempotent calls are repeated once if connecting failed. Nothing else is ever repeated."""

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from cathouse_proxy.services.errors import CatAddressRefused, CatAnswerBroken, CatUnreachable
from cathouse_proxy.services.exchange.cat_client import CatClient
from cathouse_proxy.services.exchange.ssrf_guard import AddressRefusedError
from multidict import CIMultiDict

from .support import ScriptedCat, read_request

IDEMPOTENT = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
OTHERS = ("POST", "PATCH")


class CountingResolver(AbstractResolver):
    """Fails the first times, and then resolves to this machine."""

    def __init__(self, failures: int, error: OSError | None = None) -> None:
        self._failures = failures
        self._error = error or ConnectionRefusedError()
        self.attempts = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.attempts += 1
        if self.attempts <= self._failures:
            raise self._error
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        pass


async def call(method: str, resolver: CountingResolver, cat: ScriptedCat) -> None:
    async with CatClient(allow_private=True, resolver=resolver) as cats:
        answer = await cats.call(method, f"http://cat.example:{cat.port}/", CIMultiDict(), None)
        answer.close()


@pytest.mark.parametrize("method", IDEMPOTENT)
async def test_an_idempotent_call_is_repeated_after_a_failed_connection(
    method: str, cat: ScriptedCat
) -> None:
    resolver = CountingResolver(failures=1)
    await call(method, resolver, cat)
    assert (resolver.attempts, len(cat.requests)) == (2, 1)


@pytest.mark.parametrize("method", IDEMPOTENT)
async def test_it_is_tried_twice_at_most(method: str, cat: ScriptedCat) -> None:
    resolver = CountingResolver(failures=9)
    with pytest.raises(CatUnreachable):
        await call(method, resolver, cat)
    assert resolver.attempts == 2


@pytest.mark.parametrize("method", OTHERS)
async def test_other_calls_are_tried_once(method: str, cat: ScriptedCat) -> None:
    resolver = CountingResolver(failures=1)
    with pytest.raises(CatUnreachable):
        await call(method, resolver, cat)
    assert (resolver.attempts, cat.requests) == (1, [])


async def test_a_refused_address_is_not_tried_again(cat: ScriptedCat) -> None:
    resolver = CountingResolver(failures=1, error=AddressRefusedError("no"))
    with pytest.raises(CatAddressRefused):
        await call("GET", resolver, cat)
    assert resolver.attempts == 1


@pytest.mark.parametrize("method", IDEMPOTENT + OTHERS)
@pytest.mark.parametrize("reused", [False, True])
async def test_a_request_that_was_sent_is_never_repeated(
    method: str, reused: bool, cat: ScriptedCat
) -> None:
    async def hang_up(
        cat: ScriptedCat, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for answer in ([cat.OK] if reused else []) + [b""]:
            cat.requests.append(await read_request(reader))
            writer.write(answer)

    cat.script = hang_up
    async with CatClient(allow_private=True) as cats:
        if reused:
            answer = await cats.call("GET", cat.url, CIMultiDict(), None)
            await answer.whole()
            answer.close()
        with pytest.raises(CatAnswerBroken):
            await cats.call(method, cat.url, CIMultiDict(), None)
    assert len(cat.requests) == 1 + reused
    assert cat.connections == 1


async def test_a_body_is_sent_whole_at_the_second_try(cat: ScriptedCat) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"da"
        yield b"ta"

    async with CatClient(allow_private=True, resolver=CountingResolver(failures=1)) as cats:
        answer = await cats.call("PUT", f"http://cat.example:{cat.port}/", CIMultiDict(), body())
        answer.close()
    assert [request.body for request in cat.requests] == [b"data"]


async def test_aiohttp_has_the_attribute_that_keeps_it_from_repeating_requests() -> None:
    async with aiohttp.ClientSession() as session:
        assert getattr(session, "_retry_connection", None) is True, (
            f"aiohttp {aiohttp.__version__}: ClientSession has no _retry_connection, which cat_client.py sets. "
            "Find what replaced it, or lower the bound in services/proxy/pyproject.toml."
        )
