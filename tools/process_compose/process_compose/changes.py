"""Waiting for a condition over the state of the processes, without polling."""

import asyncio
from collections.abc import Callable


class Changes:
    """Everybody who waits looks at their own condition again whenever any state has changed."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()
