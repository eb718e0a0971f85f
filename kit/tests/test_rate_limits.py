import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import redis
from cathouse_kit import rate_limits as rate_limits_module
from cathouse_kit.problems import TooManyRequests
from cathouse_kit.rate_limits import RateLimit, RateLimiter, RateLimitsUnavailable, parse_storage
from cathouse_kit.security import anyone
from cathouse_kit.testing import running
from fastapi import APIRouter, Depends, Request
from limits import RateLimitItemPerMinute
from pydantic import SecretStr, TypeAdapter, ValidationError
from redis.asyncio import Redis

from .conftest import MakeApp

TWO = RateLimitItemPerMinute(2)


@pytest.fixture
def store(valkey_server: str) -> str:
    """The URL of an empty store."""
    with redis.Redis.from_url(valkey_server) as client:
        client.flushall()
    return valkey_server


@pytest.fixture(params=["memory", "valkey"])
async def limiter(request: pytest.FixtureRequest) -> AsyncIterator[RateLimiter]:
    url = "memory://" if request.param == "memory" else request.getfixturevalue("store")
    limiter = RateLimiter(SecretStr(url))
    yield limiter
    await limiter.close()


async def test_requests_over_the_limit_are_refused(limiter: RateLimiter) -> None:
    windows = [await limiter.hit(TWO, "ada") for _ in range(3)]
    assert [window.allowed for window in windows] == [True, True, False]
    assert [window.remaining for window in windows] == [1, 0, 0]
    assert all(1 <= window.reset_seconds <= 120 for window in windows)
    assert windows[2].headers() == {
        "RateLimit-Limit": "2",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": str(windows[2].reset_seconds),
    }


async def test_keys_are_counted_separately(limiter: RateLimiter) -> None:
    for key in (("ada",), ("bob",), ("ada", "bob"), ("adabob",)):
        assert [(await limiter.hit(TWO, *key)).allowed for _ in range(3)] == [True, True, False]


async def test_simultaneous_requests_do_not_exceed_the_limit(limiter: RateLimiter) -> None:
    windows = await asyncio.gather(*(limiter.hit(TWO, "ada") for _ in range(20)))
    assert sum(window.allowed for window in windows) == 2


async def test_returned_hits_are_available_again(limiter: RateLimiter) -> None:
    for _ in range(10):
        assert (await limiter.hit(TWO, "ada")).allowed
        await limiter.give_back(TWO, "ada")
    assert [(await limiter.hit(TWO, "ada")).allowed for _ in range(3)] == [True, True, False]


async def test_a_remembered_key_is_known_for_its_time(
    limiter: RateLimiter,
) -> None:
    assert not await limiter.remembers("ada", "home")
    for _ in range(2):
        await limiter.remember(1, "ada", "home")
        assert await limiter.remembers("ada", "home")
        assert not await limiter.remembers("ada", "elsewhere")
    async with asyncio.timeout(30):
        while await limiter.remembers("ada", "home"):  # noqa: ASYNC110 - the store has no event
            await asyncio.sleep(0.05)


async def test_replicas_count_together(store: str) -> None:
    replicas = [RateLimiter(SecretStr(store)) for _ in range(3)]
    windows = await asyncio.gather(*(replicas[n % 3].hit(TWO, "ada") for n in range(12)))
    assert sum(window.allowed for window in windows) == 2
    for replica in replicas:
        await replica.close()


async def test_a_store_deletes_unused_counters(store: str) -> None:
    limiter = RateLimiter(SecretStr(store))
    await limiter.hit(TWO, "ada")
    await limiter.close()
    async with Redis.from_url(store) as client:
        ends = [await client.ttl(key) async for key in client.scan_iter()]
    # Two windows, because the sliding window needs the previous one.
    assert ends
    assert all(0 < seconds <= 120 for seconds in ends)


async def test_a_connection_that_the_store_has_closed_is_replaced(store: str) -> None:
    limiter = RateLimiter(SecretStr(store))
    await limiter.hit(TWO, "ada")
    async with Redis.from_url(store) as client:
        assert await client.client_kill_filter(_type="normal", skipme=True) > 0
    assert (await limiter.hit(TWO, "ada")).remaining == 0
    await limiter.close()


def limited_router() -> APIRouter:
    router = APIRouter(dependencies=[Depends(anyone)])

    @router.get("/limited")
    async def limited(request: Request) -> None:
        window = await request.app.state.context.rate_limits.hit(TWO, "all")
        if not window.allowed:
            raise TooManyRequests(window.reset_seconds)

    return router


async def test_a_429_says_when_to_try_again(make_app: MakeApp) -> None:
    async with running(make_app(limited_router())) as client:
        statuses = [(await client.get("/limited")).status_code for _ in range(2)]
        response = await client.get("/limited")
    assert statuses == [200, 200]
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) >= 1


async def test_a_store_that_is_down_is_a_503_at_once(make_app: MakeApp) -> None:
    started = time.monotonic()
    app = make_app(limited_router(), rate_limit_storage=SecretStr("redis://:pw@127.0.0.1:1/0"))
    async with running(app) as client:
        response = await client.get("/limited")
    assert response.status_code == 503
    assert response.json()["type"] == "urn:paper:problem:rate_limits_unavailable"
    assert time.monotonic() - started < 3


async def test_a_silent_store_has_a_time_limit_and_its_connections_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rate_limits_module, "_STORE_SECONDS", 0.05)
    open_connections = 0
    all_closed = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_connections
        open_connections += 1
        await reader.read()
        writer.close()
        open_connections -= 1
        if not open_connections:
            all_closed.set()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        limiter = RateLimiter(SecretStr(f"redis://127.0.0.1:{port}/0"))
        with pytest.raises(RateLimitsUnavailable):
            await limiter.hit(TWO, "ada")
        await limiter.close()
        await asyncio.wait_for(all_closed.wait(), 5)


@pytest.mark.parametrize("text", ["10/minute", "10 per 1 minute", "10/1minute"])
def test_limits_are_parsed(text: str) -> None:
    limit = TypeAdapter(RateLimit).validate_python(text)
    assert (limit.amount, limit.get_expiry()) == (10, 60)


@pytest.mark.parametrize(
    "text", ["", "often", "0/minute", "1/0 minutes", "1 per 00 days", "10", "1/second;10/minute", 7]
)
def test_invalid_limits_are_refused(text: object) -> None:
    with pytest.raises(ValidationError, match="must be one limit of 1 or more"):
        TypeAdapter(RateLimit).validate_python(text)


@pytest.mark.parametrize(
    "text", ["1000000001/minute", "9" * 30 + "/day", "1/2 years", "1/" + "9" * 30 + " seconds"]
)
def test_a_limit_that_no_store_can_count_is_refused(text: str) -> None:
    with pytest.raises(
        ValidationError, match="must be at most 1000000000, in a period of at most one year"
    ):
        TypeAdapter(RateLimit).validate_python(text)


@pytest.mark.parametrize(
    "url",
    [
        "memory://",
        "redis://store",
        "redis://:p%40ss@store:6379/15",
        "redis://user:pw@[::1]:6379/0?socket_timeout=0.5&socket_connect_timeout=2",
        "rediss://store/?db=3",
    ],
)
def test_store_urls_are_parsed(url: str) -> None:
    RateLimiter(SecretStr(url))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory://shared", "must be memory:// alone"),
        ("mongodb://store", "must be a URL that begins with memory://, redis:// or rediss://"),
        ("redis://", "must name a host"),
        ("redis:///0", "must name a host"),
        ("redis://999.0.0.1", "must name a host"),
        ("redis://store:0", "must be redis://USER:PASSWORD@HOST:PORT/DATABASE"),
        ("redis://store:hunter2/0", "has a port that is not a number"),
        ("redis://:hunter2#x@store/0", "must be redis://|has a port that is not a number|must name a host"),
        ("redis://:hunter2@x@store/0", "must be redis://USER:PASSWORD@HOST:PORT/DATABASE"),
        ("redis://store/hunter2", "must have the number of a database"),
        ("redis://store/-1", "must have the number of a database"),
        ("redis://store?db=x", "db: must have the number of a database"),
        ("redis://store?foo=bar", "foo: is not a known parameter; use db, socket_connect_timeout"),
        ("redis://store?decode_responses=1", "decode_responses: is not a known parameter"),
        ("redis://store?ssl_ca_certs=/x", "ssl_ca_certs: is not a known parameter"),
        ("redis://store?socket_timeout", "must have parameters such as"),
        *(
            (f"redis://store?socket_timeout={value}", "socket_timeout: must be a number of seconds")
            for value in ("abc", "nan", "inf", "0", "-1", "1e9", "")
        ),
        ("rediss://store?ssl_ca_certs=/nowhere.pem", "its TLS files cannot be used: .*No such file"),
    ],
)  # fmt: skip
def test_an_unusable_store_url_is_refused_with_the_reason(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^({message})") as refused:
        parse_storage(url)
    assert "hunter2" not in str(refused.value)
