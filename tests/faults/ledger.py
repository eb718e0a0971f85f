"""The writes that the platform acknowledged to the load, and those with an unknown result."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Fact = tuple[str, str]
"""A kind of fact and the name of its subject, such as `("tagline", SLUG)`. See `verification.FACTS`."""

Facts = dict[Fact, str | None]
"""The facts that a write creates. None is a value that only the response has."""


class Unacknowledged(Exception):
    """A request without a 2xx response: the connection broke, or the response is a 5xx."""


@dataclass
class Ledger:
    """Each subject has one writer. After a write in doubt, it does not write to the subject again.

    So a fact must have its last acknowledged value, or that of the one write in doubt.
    """

    acknowledged: dict[Fact, str] = field(default_factory=dict)
    in_doubt: list[Facts] = field(default_factory=list)
    """Writes that were sent but not acknowledged. Each must be complete or absent."""
    writes: int = 0
    """The number of acknowledged writes."""
    audited: dict[str, int] = field(default_factory=dict)
    """The status of each response to a proxied call that must be in the audit, by request id."""
    unexpected: list[str] = field(default_factory=list)
    """Responses that no fault explains: 500, and refusals of correct requests."""
    _lock: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def writing(self, facts: Facts) -> Iterator[Facts]:
        """Note the facts as acknowledged, or as in doubt if the block raises `Unacknowledged`.

        The block sets the values that only the response has.
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
        """Wait until this number of further writes is acknowledged, or the time is over."""
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
