"""Wait for a condition on the state of the processes, without polling."""

import asyncio
from collections.abc import Callable


class Changes:
    """Lets tasks wait for conditions. Each task checks its condition again after every change of state."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()
