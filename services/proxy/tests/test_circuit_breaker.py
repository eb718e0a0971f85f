"""A cat that fails half of at least 20 calls within 30 s, for two users or more, is cut off for 30 s.

Then one trial call is allowed.
"""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from cathouse_proxy.services.admission.breaker import CircuitBreaker
from cathouse_proxy.services.errors import CatCutOff
from cathouse_proxy.services.exchange.exchange import Limits
from fastapi import FastAPI
from httpx import AsyncClient

from .support import (
    Clock,
    FakePlatform,
    Remake,
    Rows,
    ScriptedCat,
    ended,
    exchange,
    request_bytes,
    served,
    status_of,
)

CAT = uuid4()
ANN, BEN = uuid4(), uuid4()
MEGABYTE = 1024 * 1024


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(clock)


def make_calls(breaker: CircuitBreaker, *, good: int = 0, bad: int = 0) -> None:
    for number, failed in enumerate([False] * good + [True] * bad):
        breaker.enter(CAT, (ANN, BEN)[number % 2]).close(failed=failed)


def seconds_cut_off(breaker: CircuitBreaker, person: UUID = ANN) -> int:
    """Return the seconds until the next trial. Return 0 if a call is allowed, and make it without a result."""
    try:
        breaker.enter(CAT, person).close(failed=None)
    except CatCutOff as problem:
        return int(problem.headers["Retry-After"])
    return 0


@pytest.mark.parametrize(
    ("good", "bad", "cut_off"),
    [
        (0, 19, False),
        (0, 20, True),
        (10, 10, True),
        (11, 10, False),
        (100, 99, False),
        (50, 50, True),
    ],
)
def test_half_of_at_least_twenty_calls_must_fail(
    good: int, bad: int, cut_off: bool, breaker: CircuitBreaker
) -> None:
    make_calls(breaker, good=good, bad=bad)
    assert seconds_cut_off(breaker) == (30 if cut_off else 0)


def test_calls_count_for_thirty_seconds(breaker: CircuitBreaker, clock: Clock) -> None:
    make_calls(breaker, bad=19)
    clock.now += 30
    make_calls(breaker, bad=19)
    assert seconds_cut_off(breaker) == 0
    clock.now += 29
    make_calls(breaker, bad=1)
    assert seconds_cut_off(breaker) == 30


def test_a_cat_is_cut_off_for_thirty_seconds(breaker: CircuitBreaker, clock: Clock) -> None:
    make_calls(breaker, bad=20)
    clock.now += 12.5
    assert seconds_cut_off(breaker) == 18
    clock.now += 17.4
    assert seconds_cut_off(breaker) == 1
    clock.now += 0.1
    assert seconds_cut_off(breaker) == 0


def test_then_one_trial_is_allowed_and_other_calls_wait(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    make_calls(breaker, bad=20)
    clock.now += 30
    trial = breaker.enter(CAT, ANN)
    assert seconds_cut_off(breaker) == 1
    trial.close(failed=False)
    # The counts were reset: twenty calls are needed again.
    make_calls(breaker, bad=19)
    assert seconds_cut_off(breaker) == 0


def test_after_a_failed_trial_the_same_user_waits_again(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    make_calls(breaker, bad=20)
    clock.now += 30
    breaker.enter(CAT, ANN).close(failed=True)
    assert seconds_cut_off(breaker) == 30
    clock.now += 30
    assert seconds_cut_off(breaker) == 0


def test_a_trial_without_a_result_allows_another_trial(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    make_calls(breaker, bad=20)
    clock.now += 30
    breaker.enter(CAT, ANN).close(failed=None)
    breaker.enter(CAT, ANN).close(failed=False)
    assert seconds_cut_off(breaker) == 0


def test_calls_from_before_the_cut_off_do_not_count_later(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    late = [breaker.enter(CAT, ANN) for _ in range(3)]
    make_calls(breaker, bad=20)
    clock.now += 20
    for permit, failed in zip(late, (True, False, None), strict=True):
        permit.close(failed=failed)
    assert seconds_cut_off(breaker) == 10


@pytest.mark.parametrize(("good", "bad"), [(0, 20), (0, 500), (20, 20), (1, 99)])
def test_one_user_alone_cannot_cut_off_a_cat(good: int, bad: int, breaker: CircuitBreaker) -> None:
    for failed in [False] * good + [True] * bad:
        breaker.enter(CAT, ANN).close(failed=failed)
    for _ in range(good):
        breaker.enter(CAT, BEN).close(failed=False)
    assert (seconds_cut_off(breaker, ANN), seconds_cut_off(breaker, BEN)) == (0, 0)
    breaker.enter(CAT, BEN).close(failed=True)
    assert (seconds_cut_off(breaker, BEN) > 0) is (bad + 1 >= 2 * good)


def test_failures_for_another_user_count_for_thirty_seconds_too(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    breaker.enter(CAT, BEN).close(failed=True)
    clock.now += 30
    for _ in range(30):
        breaker.enter(CAT, ANN).close(failed=True)
    assert seconds_cut_off(breaker) == 0


def test_one_user_alone_cannot_keep_a_cat_cut_off_with_failed_trials(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    make_calls(breaker, bad=20)
    clock.now += 30
    breaker.enter(CAT, ANN).close(failed=True)
    assert (seconds_cut_off(breaker, ANN), seconds_cut_off(breaker, BEN)) == (30, 0)
    clock.now += 30
    breaker.enter(CAT, ANN).close(failed=True)
    breaker.enter(CAT, BEN).close(failed=False)
    assert (seconds_cut_off(breaker, ANN), seconds_cut_off(breaker, BEN)) == (0, 0)


def test_failed_trials_of_two_users_cut_the_cat_off_for_all(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    make_calls(breaker, bad=20)
    clock.now += 30
    breaker.enter(CAT, ANN).close(failed=True)
    clock.now += 1
    breaker.enter(CAT, BEN).close(failed=True)
    assert [seconds_cut_off(breaker, person) for person in (ANN, BEN, uuid4())] == [30] * 3


def test_cats_are_counted_separately(breaker: CircuitBreaker) -> None:
    make_calls(breaker, bad=20)
    breaker.enter(uuid4(), ANN).close(failed=True)
    assert seconds_cut_off(breaker) == 30


async def test_failing_calls_of_one_player_do_not_cut_off_the_cat(
    client: AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    cat.answer = b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno"
    other = platform.neighbour()
    assert {(await client.get(platform.path())).status_code for _ in range(60)} == {500}
    cat.answer = cat.OK
    assert (await client.get(other.path(), headers=other.headers)).status_code == 200


async def test_a_failing_cat_is_cut_off_and_comes_back(
    app: FastAPI,
    remake: Remake,
    clock: Clock,
    client: AsyncClient,
    platform: FakePlatform,
    cat: ScriptedCat,
) -> None:
    remake(clock=clock)
    async with app.state.resources.cats:
        cat.answer = b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno"
        other = platform.neighbour()
        for caller in [platform, other] * 10:
            response = await client.get(caller.path(), headers=caller.headers)
            assert (response.status_code, response.text) == (500, "no")
        response = await client.get(platform.path())
        assert (response.status_code, response.headers["retry-after"]) == (503, "30")
        assert response.json()["type"] == "urn:cathouse:problem:cat_cut_off"
        assert len(cat.requests) == 20

        clock.now += 30
        cat.answer = cat.OK
        assert [(await client.get(platform.path())).status_code for _ in range(3)] == [200] * 3


async def test_4xx_responses_of_the_cat_are_no_failures(
    client: AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    cat.answer = b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno"
    assert {(await client.get(platform.path())).status_code for _ in range(30)} == {404}


@pytest.fixture
async def hurried_port(app: FastAPI, remake: Remake, emptied: None) -> AsyncIterator[int]:
    """The port of the app with a tenth of the usual time limits."""
    remake(limits=Limits(100_000, 64 * MEGABYTE, first_byte_seconds=1.0, total_seconds=2.0))
    async with served(app) as port:
        yield port


async def test_callers_who_hold_back_their_bodies_cannot_cut_off_a_cat(
    hurried_port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    callers = 20
    all_called, called = asyncio.Barrier(callers), asyncio.Event()

    async def hold_back() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", hurried_port)
        writer.write(request_bytes(platform, f"POST {platform.path()}", "Content-Length: 2") + b"{")
        # The time limit of the call already runs. The end of the body comes late. So less than the second remains that
        # the cat may take for the head of its response.
        await called.wait()
        # slow on purpose: the caller uses three quarters of the call's time
        await asyncio.sleep(1.5)
        writer.write(b"}")
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return status_of(answer)

    async def think(
        _: ScriptedCat, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await all_called.wait()
        called.set()
        await reader.read()

    cat.script = think
    assert await asyncio.gather(*(hold_back() for _ in range(callers))) == [408] * callers
    assert {row["outcome"] for row in await rows()} == {"caller_too_slow"}
    cat.script = None
    answer = await exchange(hurried_port, request_bytes(platform, f"GET {platform.path()}"))
    assert status_of(answer) == 200


async def test_a_caller_who_reads_slowly_is_not_the_cats_fault(
    hurried_port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    part = b"%x\r\n%b\r\n" % (MEGABYTE, bytes(MEGABYTE))

    async def answer_all_but_the_end(
        _: ScriptedCat, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        # More than the buffers between cat and caller can hold.
        for _part in range(32):
            writer.write(part)
            await writer.drain()
        await reader.read()

    cat.script = answer_all_but_the_end
    reader, writer = await asyncio.open_connection("127.0.0.1", hurried_port)
    writer.write(request_bytes(platform, f"GET {platform.path()}"))
    await reader.readuntil(b"\r\n\r\n")
    # slow on purpose: the caller uses three quarters of the call's time
    await asyncio.sleep(1.5)
    async with asyncio.timeout(10):
        await reader.read()
    writer.close()
    [row] = await ended(rows)
    assert (row["status"], row["outcome"]) == (200, "caller_too_slow")


async def test_a_cat_that_stops_is_at_fault_although_its_caller_was_slow(
    hurried_port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    async def begin_to_answer(
        _: ScriptedCat, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await reader.read()

    cat.script = begin_to_answer
    reader, writer = await asyncio.open_connection("127.0.0.1", hurried_port)
    writer.write(request_bytes(platform, f"POST {platform.path()}", "Content-Length: 2") + b"{")
    # slow on purpose: the caller uses a tenth of the call's time
    await asyncio.sleep(0.2)
    writer.write(b"}")
    async with asyncio.timeout(10):
        await reader.read()
    writer.close()
    [row] = await ended(rows)
    assert (row["status"], row["outcome"]) == (200, "cat_timed_out")
