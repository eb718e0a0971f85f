"""Server-sent events: a page hears which of its topics has changed, and reads itself again."""

import asyncio
from collections.abc import AsyncIterator, Iterable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

TOPICS = ("traces", "logs", "metrics", "stack")
MAX_LISTENERS = 64
_PACE_SECONDS = 0.5
_KEEP_ALIVE_SECONDS = 15.0


class Live:
    """Tells listeners of changes, each topic twice a second at most. Lives in one event loop."""

    def __init__(self) -> None:
        self._listeners: set[_Listener] = set()
        self._closed = False

    @property
    def watched(self) -> bool:
        """Return whether any page is open."""
        return bool(self._listeners)

    def notify(self, topics: Iterable[str]) -> None:
        for listener in self._listeners:
            listener.changed.update(topics)
            listener.wake.set()

    def close(self) -> None:
        """End all streams: a server that stops waits for them."""
        self._closed = True
        self.notify(())

    async def respond(self, request: Request) -> Response:
        if len(self._listeners) >= MAX_LISTENERS:
            return PlainTextResponse("Too many pages are open: close some.", 503)
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        listener = _Listener()
        self._listeners.add(listener)
        try:
            yield "retry: 1000\n\n"
            while not self._closed:
                try:
                    await asyncio.wait_for(listener.wake.wait(), _KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                listener.wake.clear()
                changed, listener.changed = sorted(listener.changed), set()
                for topic in changed:
                    yield f"event: {topic}\ndata: changed\n\n"
                if not self._closed:
                    await asyncio.sleep(_PACE_SECONDS)
        finally:
            self._listeners.discard(listener)


class _Listener:
    def __init__(self) -> None:
        # Something may have changed between the rendering of the page and its connection here.
        self.changed = set(TOPICS)
        self.wake = asyncio.Event()
        self.wake.set()
