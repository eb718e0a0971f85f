"""The life of a process: which requests are in flight, and whether it is about to stop."""

import time


class Lifecycle:
    """Shared by the server, which hears the signals, and by the app, which knows the requests."""

    def __init__(self) -> None:
        self.in_flight: set[object] = set()
        """One token for each request that is being answered; probes are not counted."""
        self._awaited: set[object] = set()
        self._draining_since: float | None = None

    @property
    def draining(self) -> bool:
        """Whether the process has been told to stop; readiness is refused from then on."""
        return self._draining_since is not None

    @property
    def draining_seconds(self) -> float:
        return 0.0 if self._draining_since is None else time.monotonic() - self._draining_since

    @property
    def drained(self) -> bool:
        """Whether all that was in flight when draining began has been answered."""
        return self.draining and self._awaited.isdisjoint(self.in_flight)

    def drain(self) -> None:
        """Begins the end. Requests that come later do not prolong it."""
        if not self.draining:
            self._awaited = set(self.in_flight)
            self._draining_since = time.monotonic()
