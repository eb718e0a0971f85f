"""A cache of responses of other services for half a second.

A change takes effect everywhere within a second. A busy installation does not cause a request for each of its calls.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

KEEP_SECONDS = 0.5
# The use of a value of this age requests the next value in the background, so busy installations never wait.
REFRESH_SECONDS = 0.3
MAX_ENTRIES = 10_000

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Asked(Generic[V]):
    at: float
    answer: asyncio.Task[V]


class TTLCache(Generic[K, V]):
    """A cache of values by key. Concurrent calls with the same key share one request. Errors are not cached."""

    def __init__(self, ask: Callable[[K], Awaitable[V]], clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._asked: dict[K, _Asked[V]] = {}
        self._next: dict[K, _Asked[V]] = {}
        """Requests in progress for keys that still have a valid value."""

    async def get(self, key: K) -> V:
        """Return the value of this key. Raises the errors of `ask`."""
        answer = self.begin(key)
        # Shielded: if one caller is cancelled, the others still get the value.
        return answer.result() if answer.done() else await asyncio.shield(answer)

    def begin(self, key: K) -> asyncio.Task[V]:
        """Return the task of a recent value, or start a request. Do not wait."""
        now = self._clock()
        asked = self._asked.get(key)
        # The age counts from the start of the request, because the response may have taken long.
        if asked is None or now - asked.at >= KEEP_SECONDS:
            following = self._next.pop(key, None)
            if following is None or now - following.at >= KEEP_SECONDS:
                following = self._question(key, now)
            asked = following
            self._keep(key, asked)
            self._forget(now)
        elif now - asked.at >= REFRESH_SECONDS and key not in self._next:
            self._next[key] = self._question(key, now)
        return asked.answer

    def _question(self, key: K, now: float) -> _Asked[V]:
        asked = _Asked(now, asyncio.create_task(self._answer(key)))
        asked.answer.add_done_callback(lambda task: self._settle(key, task))
        return asked

    async def _answer(self, key: K) -> V:
        return await self._ask(key)

    def _settle(self, key: K, task: asyncio.Task[V]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if (following := self._next.get(key)) and following.answer is task:
            del self._next[key]
            if not failed:
                self._keep(key, following)
        elif failed and (asked := self._asked.get(key)) and asked.answer is task:
            del self._asked[key]

    def _keep(self, key: K, asked: _Asked[V]) -> None:
        self._asked.pop(key, None)
        self._asked[key] = asked

    def _forget(self, now: float) -> None:
        # Oldest first: entries are nearly in the order of their requests.
        while self._asked:
            key, asked = next(iter(self._asked.items()))
            if now - asked.at < KEEP_SECONDS and len(self._asked) <= MAX_ENTRIES:
                return
            del self._asked[key]
