"""Signing in, and refreshing."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from cathouse_client import AsyncCatHouse, CatHouse, Unauthorized
from cathouse_client.models import TokenPair

from .stand_in import PERSON, StandIn, problem, tokens

CALLS = 8


def only(token: str) -> StandIn:
    """A platform that accepts this access token."""

    def respond(request: httpx.Request) -> httpx.Response:
        accepted = request.headers["Authorization"] == f"Bearer {token}"
        return httpx.Response(200, json=PERSON) if accepted else problem(401, "unauthenticated")

    return StandIn(respond)


def signed_in(stand_in: StandIn) -> CatHouse:
    house = CatHouse(transport=stand_in)
    house.sign_in("ada@example.com", "correct horse battery")
    return house


def test_calls_have_the_access_token_after_signing_in() -> None:
    stand_in = only("access-0")
    assert signed_in(stand_in).auth.read_me().display_name == "Ada"
    assert stand_in.bearers == ["access-0"]


def test_a_refused_token_is_refreshed_and_the_call_repeated() -> None:
    stand_in = only("access-1")
    house = signed_in(stand_in)
    house.auth.read_me()
    assert stand_in.bearers == ["access-0", "access-1"]
    assert house.tokens == TokenPair.from_dict(tokens(1))


def test_a_token_that_ends_soon_is_refreshed_before_the_call() -> None:
    stand_in = only("access-1")
    stand_in.expires_in = 10
    signed_in(stand_in).auth.read_me()
    assert stand_in.bearers == ["access-1"]


def test_many_calls_at_once_in_threads_refresh_once() -> None:
    together = threading.Barrier(CALLS, timeout=60)

    def respond(request: httpx.Request) -> httpx.Response:
        if request.headers["Authorization"] == "Bearer access-1":
            return httpx.Response(200, json=PERSON)
        together.wait()  # every call is refused before the first one refreshes
        return problem(401, "unauthenticated")

    stand_in = StandIn(respond)
    house = signed_in(stand_in)
    with ThreadPoolExecutor(CALLS) as pool:
        people = list(pool.map(lambda _: house.auth.read_me(), range(CALLS)))
    assert len(people) == CALLS
    assert stand_in.refreshes == 1


async def test_many_calls_at_once_in_tasks_refresh_once() -> None:
    stand_in = only("access-1")
    async with AsyncCatHouse(transport=stand_in) as house:
        await house.sign_in("ada@example.com", "correct horse battery")
        people = await asyncio.gather(*(house.auth.read_me() for _ in range(CALLS)))
    assert len(people) == CALLS
    assert stand_in.refreshes == 1


def test_a_refused_refresh_ends_the_session() -> None:
    stand_in = only("none")
    stand_in.refusal = problem(401, "invalid_refresh_token")
    house = signed_in(stand_in)
    with pytest.raises(Unauthorized) as raised:
        house.auth.read_me()
    assert raised.value.code == "invalid_refresh_token"
    assert house.tokens is None


def test_a_failing_refresh_keeps_the_session() -> None:
    stand_in = only("none")
    stand_in.refusal = problem(500, "internal_error")
    house = signed_in(stand_in)
    with pytest.raises(Exception, match="internal_error"):
        house.auth.read_me()
    assert house.tokens == TokenPair.from_dict(tokens(0))


def test_signing_out_ends_the_session_on_the_platform_too() -> None:
    stand_in = StandIn(lambda request: httpx.Response(204))
    house = signed_in(stand_in)
    house.sign_out()
    assert house.tokens is None
    [request] = stand_in.requests
    assert (request.url.path, request.content) == (
        "/api/v1/auth/logout",
        b'{"refresh_token":"refresh-0"}',
    )


def test_stored_tokens_continue_a_session() -> None:
    stand_in = only("access-0")
    house = CatHouse(transport=stand_in)
    house.tokens = TokenPair.from_dict(tokens(0))
    assert house.auth.read_me().display_name == "Ada"


@pytest.mark.parametrize(
    "address", ["localhost:8000", "ftp://example.com", "http://example.com/api"]
)
def test_an_address_that_is_no_gateway_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="not the gateway's address"):
        CatHouse(address)
