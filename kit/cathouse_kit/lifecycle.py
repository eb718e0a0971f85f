"""The lifecycle of a process: its requests in progress, and its shutdown."""

import time


class Lifecycle:
    """State that the server, which handles the signals, shares with the app, which knows the requests."""

    def __init__(self) -> None:
        self.in_flight: set[object] = set()
        """One token for each request in progress. Probes are not counted."""
        self._awaited: set[object] = set()
        self._draining_since: float | None = None

    @property
    def draining(self) -> bool:
        """True after the signal to stop. From then on, the service is not ready."""
        return self._draining_since is not None

    @property
    def draining_seconds(self) -> float:
        return 0.0 if self._draining_since is None else time.monotonic() - self._draining_since

    @property
    def drained(self) -> bool:
        """True when all requests that were in progress at the signal have ended."""
        return self.draining and self._awaited.isdisjoint(self.in_flight)

    def drain(self) -> None:
        """Begin the shutdown. Later requests do not prolong it."""
        if not self.draining:
            self._awaited = set(self.in_flight)
            self._draining_since = time.monotonic()
