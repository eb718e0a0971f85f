"""Responses of other services are cached for half a second, for all callers."""

import asyncio

import pytest
from cathouse_proxy.services.admission.ttl_cache import (
    KEEP_SECONDS,
    MAX_ENTRIES,
    REFRESH_SECONDS,
    TTLCache,
)

from .support import Clock


class Source:
    """Returns increasing numbers. If it is set to wait, it returns only after `go` is set."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: Exception | None = None
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, key: str) -> int:
        self.asked.append(key)
        number = len(self.asked)
        await self.go.wait()
        if self.error:
            raise self.error
        return number


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def recent(source: Source, clock: Clock) -> TTLCache[str, int]:
    return TTLCache(source, clock)


async def test_a_value_is_kept_for_less_than_the_second_of_the_contract(
    recent: TTLCache[str, int], clock: Clock
) -> None:
    assert KEEP_SECONDS <= 0.5
    assert [await recent.get("a"), await recent.get("a"), await recent.get("b")] == [1, 1, 2]
    clock.now += KEEP_SECONDS - 0.01
    assert await recent.get("a") == 1
    clock.now += 0.01
    assert await recent.get("a") == 3


async def test_the_time_counts_from_the_request(
    recent: TTLCache[str, int], source: Source, clock: Clock
) -> None:
    source.go.clear()
    slow = asyncio.create_task(recent.get("a"))
    await asyncio.sleep(0)
    clock.now += KEEP_SECONDS
    later = asyncio.create_task(recent.get("a"))
    await asyncio.sleep(0)
    source.go.set()
    assert [await slow, await later] == [1, 2]


async def test_the_next_value_is_requested_before_the_current_one_expires(
    recent: TTLCache[str, int], source: Source, clock: Clock
) -> None:
    used = []
    for _ in range(20):
        used.append(await recent.get("a"))
        clock.now += 0.1
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    # Nobody waited: one request replaced the value while it was still valid.
    assert used == [1] * 4 + [2] * 3 + [3] * 3 + [4] * 3 + [5] * 3 + [6] * 3 + [7]
    assert len(source.asked) == 7


async def test_a_slow_next_value_is_awaited_and_no_expired_one_is_used(
    recent: TTLCache[str, int], source: Source, clock: Clock
) -> None:
    assert await recent.get("a") == 1
    source.go.clear()
    clock.now += REFRESH_SECONDS
    assert await recent.get("a") == 1
    clock.now += KEEP_SECONDS - REFRESH_SECONDS
    later = asyncio.create_task(recent.get("a"))
    await asyncio.sleep(0)
    assert not later.done()
    clock.now += KEEP_SECONDS
    # The request is too old now, although its response has not arrived.
    last = asyncio.create_task(recent.get("a"))
    await asyncio.sleep(0)
    source.go.set()
    assert [await later, await last] == [2, 3]


async def test_a_value_stays_valid_if_the_next_request_fails(
    recent: TTLCache[str, int], source: Source, clock: Clock
) -> None:
    assert await recent.get("a") == 1
    source.error = RuntimeError("down")
    clock.now += KEEP_SECONDS - 0.01
    assert [await recent.get("a") for _ in range(3)] == [1, 1, 1]
    clock.now += 0.01
    with pytest.raises(RuntimeError):
        await recent.get("a")


async def test_concurrent_callers_share_the_value_and_the_error(
    recent: TTLCache[str, int], source: Source
) -> None:
    source.error = RuntimeError("down")
    results = await asyncio.gather(*(recent.get("a") for _ in range(5)), return_exceptions=True)
    assert results == [source.error] * 5
    assert source.asked == ["a"]
    # Errors are not cached.
    source.error = None
    assert await asyncio.gather(*(recent.get("a") for _ in range(5))) == [2] * 5
    assert source.asked == ["a", "a"]


async def test_a_cancelled_caller_does_not_cancel_the_others(
    recent: TTLCache[str, int], source: Source
) -> None:
    source.go.clear()
    leaving = asyncio.create_task(recent.get("a"))
    staying = asyncio.create_task(recent.get("a"))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    source.go.set()
    assert await staying == 1


async def test_the_number_of_values_is_limited(
    recent: TTLCache[str, int], source: Source, clock: Clock
) -> None:
    for n in range(MAX_ENTRIES + 1):
        await recent.get(str(n))
    await recent.get(str(MAX_ENTRIES))
    assert len(source.asked) == MAX_ENTRIES + 1
    await recent.get("0")
    assert len(source.asked) == MAX_ENTRIES + 2
    assert len(recent._asked) == MAX_ENTRIES
    clock.now += 1
    await recent.get("x")
    assert len(recent._asked) == 1
