"""Retries of requests, and the waits before them."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from cathouse_client import AsyncCatHouse, CatHouse, ProblemError, Unavailable, Unreachable
from cathouse_client.models import Adoption, NewReview

from .stand_in import StandIn, problem

CAT = UUID("0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4e")
EMPTY: dict[str, Any] = {"items": [], "next_cursor": None}
Waits = list[float]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """The seconds that clients wait for, without waiting."""
    waits: Waits = []

    async def sleep_async(seconds: float) -> None:
        waits.append(seconds)

    # The client's own names: other code of this process must wait as before.
    monkeypatch.setattr("cathouse_client.http.sleep", waits.append)
    monkeypatch.setattr("cathouse_client.http.sleep_async", sleep_async)
    return waits


def first(
    *failures: httpx.Response | httpx.TransportError, then: httpx.Response | None = None
) -> StandIn:
    left = list(failures)

    def respond(request: httpx.Request) -> httpx.Response:
        failure = left.pop(0) if left else then or httpx.Response(200, json=EMPTY)
        if isinstance(failure, httpx.TransportError):
            raise failure
        return failure

    return StandIn(respond)


def busy() -> httpx.Response:
    return problem(503, "service_unavailable", {"Retry-After": "2"})


def test_reading_is_repeated_after_the_seconds_of_retry_after(waits: Waits) -> None:
    stand_in = first(busy(), busy())
    CatHouse(transport=stand_in).catalog.list_cats()
    assert len(stand_in.requests) == 3
    assert waits == [2, 2]


async def test_asyncio_repeats_too(waits: Waits) -> None:
    stand_in = first(busy(), httpx.ConnectError("refused"))
    async with AsyncCatHouse(transport=stand_in) as house:
        await house.catalog.list_cats()
    assert len(stand_in.requests) == 3
    assert waits[0] == 2
    assert 0 < waits[1] < 2


def test_the_third_failure_is_raised(waits: Waits) -> None:
    stand_in = first(busy(), busy(), busy())
    with pytest.raises(Unavailable):
        CatHouse(transport=stand_in).catalog.list_cats()
    assert len(stand_in.requests) == 3


def test_a_long_wait_is_left_to_the_caller(waits: Waits) -> None:
    stand_in = first(problem(429, "too_many_requests", {"Retry-After": "60"}))
    with pytest.raises(ProblemError) as raised:
        CatHouse(transport=stand_in).catalog.list_cats()
    assert raised.value.retry_after == 60
    assert waits == []


@pytest.mark.parametrize("failure", [busy(), httpx.ReadError("reset")], ids=["503", "lost"])
def test_what_may_have_happened_is_not_repeated(
    failure: httpx.Response | httpx.TransportError, waits: Waits
) -> None:
    stand_in = first(failure)
    with pytest.raises((Unavailable, Unreachable)):
        CatHouse(transport=stand_in).catalog.submit_cat(CAT)
    assert len(stand_in.requests) == 1


@pytest.mark.parametrize(
    "failure",
    [problem(429, "too_many_requests", {"Retry-After": "1"}), httpx.ConnectError("refused")],
    ids=["429", "no connection"],
)
def test_what_cannot_have_happened_is_repeated(
    failure: httpx.Response | httpx.TransportError, waits: Waits
) -> None:
    stand_in = first(failure, then=problem(404, "cat_not_found"))
    with pytest.raises(ProblemError, match="cat_not_found"):
        CatHouse(transport=stand_in).catalog.submit_cat(CAT)
    assert len(stand_in.requests) == 2


def test_an_adoption_is_repeated_with_the_same_key(waits: Waits) -> None:
    stand_in = first(httpx.ReadError("reset"), busy(), then=problem(409, "already_adopted"))
    house = CatHouse(transport=stand_in)
    wish = Adoption(cat_id=CAT, granted_scopes=[])
    for _ in range(2):
        with pytest.raises(ProblemError, match="already_adopted"):
            house.installation.adopt_cat(body=wish)
    keys = [request.headers["Idempotency-Key"] for request in stand_in.requests]
    assert len(keys) == 4
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_a_key_of_the_caller_is_kept() -> None:
    stand_in = first(then=problem(409, "already_adopted"))
    wish = Adoption(cat_id=CAT, granted_scopes=[])
    with pytest.raises(ProblemError):
        CatHouse(transport=stand_in).installation.adopt_cat(body=wish, idempotency_key="mine")
    assert stand_in.requests[0].headers["Idempotency-Key"] == "mine"


def test_a_slow_response_is_not_waited_for_again(waits: Waits) -> None:
    stand_in = first(httpx.ReadTimeout("slow"))
    with pytest.raises(Unreachable):
        CatHouse(transport=stand_in).catalog.write_my_review(CAT, body=NewReview(rating=5))
    assert len(stand_in.requests) == 1


def test_a_body_that_is_a_stream_is_sent_once(waits: Waits) -> None:
    stand_in = first(busy())
    with pytest.raises(Unavailable):
        CatHouse(transport=stand_in).call_cat(CAT, "PUT", "file", content=iter([b"one", b"two"]))
    assert len(stand_in.requests) == 1
