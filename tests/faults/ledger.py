"""What the platform has acknowledged to the load, and what the load does not know."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Fact = tuple[str, str]
"""A kind of fact and the name of its subject, such as `("tagline", SLUG)`. See `verification.FACTS`."""

Facts = dict[Fact, str | None]
"""What a write makes true. None is a value that only the response tells."""


class Unacknowledged(Exception):
    """A request without a 2xx response: the connection broke, or the response is a 5xx."""


@dataclass
class Ledger:
    """Each subject has one writer, which leaves a subject alone once a write to it is in doubt.

    So the last acknowledged value of a fact is the value to be found, but for at most one write in doubt.
    """

    acknowledged: dict[Fact, str] = field(default_factory=dict)
    in_doubt: list[Facts] = field(default_factory=list)
    """Writes that were sent and not acknowledged: done as a whole, or not at all."""
    writes: int = 0
    """How many writes were acknowledged."""
    audited: dict[str, int] = field(default_factory=dict)
    """The status of each response to a proxied call that must be in the audit, by request id."""
    unexpected: list[str] = field(default_factory=list)
    """Responses that no fault excuses: 500, and refusals of correct requests."""
    _lock: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def writing(self, facts: Facts) -> Iterator[Facts]:
        """Note the facts as acknowledged, or in doubt where the block raises `Unacknowledged`.

        The block sets the values that only the response tells.
        """
        try:
            yield facts
        except Unacknowledged:
            with self._lock:
                self.in_doubt.append(facts)
            raise
        with self._lock:
            self.writes += 1
            for fact, value in facts.items():
                assert value is not None, fact
                self.acknowledged[fact] = value
            self._lock.notify_all()

    def wait_for_writes(self, count: int, seconds: float) -> None:
        """Wait until so many more writes are acknowledged, but not longer than this."""
        with self._lock:
            wanted = self.writes + count
            self._lock.wait_for(lambda: self.writes >= wanted, max(seconds, 0))

    def answered(self, request_id: str, status: int) -> None:
        """Note a proxied call whose response must be in the audit."""
        with self._lock:
            self.audited[request_id] = status

    def complain(self, text: str) -> None:
        with self._lock:
            self.unexpected.append(text)
