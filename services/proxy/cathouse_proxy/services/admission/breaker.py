"""The circuit breaker of cats.

A cat is cut off for 30 s if half of at least 20 calls within 30 s failed, for at least two users. Then one trial call
is allowed.

The breaker counts users, not installations, because a user who adopts a cat again has a second installation. One user
alone cannot cut off a cat by calling a path that fails. Nor can one user keep it cut off with failed trials: after a
failed trial, only the same user has to wait. Each process of the proxy counts only its own calls.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from cathouse_proxy.services.errors import CatCutOff

WINDOW_SECONDS = 30
LEAST_CALLS = 20
LEAST_PEOPLE = 2
CUT_OFF_SECONDS = 30
RECENT_SECONDS = 300
"""A cat that is cut off, but has not failed for longer, gets no calls at all, and is not counted as cut off."""


@dataclass(slots=True)
class _Second:
    """The counts of one second. One entry for each second bounds the memory."""

    at: int
    calls: int = 0
    failures: int = 0
    failed_for: set[UUID] = field(default_factory=set)
    """At most two users, because the breaker needs no more."""


@dataclass(slots=True)
class _Circuit:
    counts: deque[_Second] = field(default_factory=deque)
    cut_off_at: float | None = None
    trying: bool = False
    failed_trial: tuple[UUID, float] | None = None
    """The user and time of the last failed trial since the cat was cut off."""

    @property
    def last_failure(self) -> float:
        """The time of the last failure of a cat that is cut off. Of other cats, minus infinity."""
        if self.cut_off_at is None:
            return -math.inf
        return max(self.cut_off_at, self.failed_trial[1] if self.failed_trial else -math.inf)


class Permit:
    """The right to make one call. Call `close` once with the result."""

    def __init__(
        self, breaker: "CircuitBreaker", circuit: _Circuit, person_id: UUID, *, trial: bool
    ) -> None:
        self._breaker = breaker
        self._circuit = circuit
        self._person_id = person_id
        self._trial = trial

    def close(self, *, failed: bool | None) -> None:
        """Report the result. Pass None if it says nothing about the cat, for example if the caller left."""
        if failed is None:
            if self._trial:
                self._circuit.trying = False
        elif self._trial:
            self._breaker.end_trial(self._circuit, self._person_id, failed=failed)
        else:
            self._breaker.count(self._circuit, self._person_id, failed=failed)


class CircuitBreaker:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._circuits: dict[UUID, _Circuit] = {}

    def enter(self, cat_id: UUID, person_id: UUID) -> Permit:
        """Return the right to call the cat for this user. Raises `CatCutOff` with the time until the next trial."""
        circuit = self._circuits.setdefault(cat_id, _Circuit())
        if circuit.cut_off_at is None:
            return Permit(self, circuit, person_id, trial=False)
        now = self._clock()
        since = circuit.cut_off_at
        if circuit.failed_trial and circuit.failed_trial[0] == person_id:
            since = circuit.failed_trial[1]
        left = since + CUT_OFF_SECONDS - now
        if left > 0 or circuit.trying:
            raise CatCutOff(max(1, math.ceil(left)))
        circuit.trying = True
        return Permit(self, circuit, person_id, trial=True)

    def count_cut_off(self) -> int:
        """Return the number of cats that are cut off, and that failed within `RECENT_SECONDS`."""
        recent = self._clock() - RECENT_SECONDS
        return sum(circuit.last_failure > recent for circuit in self._circuits.values())

    def end_trial(self, circuit: _Circuit, person_id: UUID, *, failed: bool) -> None:
        circuit.trying = False
        circuit.counts.clear()
        now = self._clock()
        before, circuit.failed_trial = circuit.failed_trial, None
        if not failed:
            circuit.cut_off_at = None
        elif before and before[0] != person_id and now - before[1] < WINDOW_SECONDS:
            circuit.cut_off_at = now
        else:
            circuit.failed_trial = (person_id, now)

    def count(self, circuit: _Circuit, person_id: UUID, *, failed: bool) -> None:
        if circuit.cut_off_at is not None:
            return  # this call began before the cat was cut off
        now = self._clock()
        if not circuit.counts or circuit.counts[-1].at != int(now):
            circuit.counts.append(_Second(int(now)))
        second = circuit.counts[-1]
        second.calls += 1
        if failed:
            second.failures += 1
            if len(second.failed_for) < LEAST_PEOPLE:
                second.failed_for.add(person_id)
        while circuit.counts[0].at <= second.at - WINDOW_SECONDS:
            circuit.counts.popleft()
        if self._is_broken(circuit):
            circuit.cut_off_at = now

    def _is_broken(self, circuit: _Circuit) -> bool:
        calls = sum(second.calls for second in circuit.counts)
        failures = sum(second.failures for second in circuit.counts)
        if calls < LEAST_CALLS or failures * 2 < calls:
            return False
        people = {person for second in circuit.counts for person in second.failed_for}
        return len(people) >= LEAST_PEOPLE
