"""The circuit breaker: a cat that fails half of at least 20 calls within 30 s is cut off for 30 s, then tried with one
call. Each process of the proxy judges by the calls that it made itself."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from cathouse_proxy.services.errors import CatCutOff

WINDOW_SECONDS = 30
LEAST_CALLS = 20
CUT_OFF_SECONDS = 30


@dataclass(slots=True)
class _Circuit:
    # One entry a second, not one a call: [second, calls, failures].
    counts: deque[list[int]] = field(default_factory=deque)
    cut_off_at: float | None = None
    trying: bool = False


class Permit:
    """The right to make one call. Whoever has it says once how the call went."""

    def __init__(self, breaker: "CircuitBreaker", circuit: _Circuit, *, trial: bool) -> None:
        self._breaker = breaker
        self._circuit = circuit
        self._trial = trial

    def close(self, *, failed: bool | None) -> None:
        """`None` says that the call tells nothing of the cat, as when the caller leaves."""
        self._breaker.count(self._circuit, trial=self._trial, failed=failed)


class CircuitBreaker:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._circuits: dict[UUID, _Circuit] = {}

    def enter(self, cat_id: UUID) -> Permit:
        """Raises `CatCutOff`, which says when to try again."""
        circuit = self._circuits.setdefault(cat_id, _Circuit())
        if circuit.cut_off_at is None:
            return Permit(self, circuit, trial=False)
        left = circuit.cut_off_at + CUT_OFF_SECONDS - self._clock()
        if left > 0 or circuit.trying:
            raise CatCutOff(max(1, math.ceil(left)))
        circuit.trying = True
        return Permit(self, circuit, trial=True)

    def count(self, circuit: _Circuit, *, trial: bool, failed: bool | None) -> None:
        now = self._clock()
        if trial:
            circuit.trying = False
            if failed is not None:
                circuit.cut_off_at = now if failed else None
                circuit.counts.clear()
        elif failed is not None and circuit.cut_off_at is None:
            second = int(now)
            if not circuit.counts or circuit.counts[-1][0] != second:
                circuit.counts.append([second, 0, 0])
            circuit.counts[-1][1] += 1
            circuit.counts[-1][2] += failed
            while circuit.counts[0][0] <= second - WINDOW_SECONDS:
                circuit.counts.popleft()
            calls = sum(entry[1] for entry in circuit.counts)
            failures = sum(entry[2] for entry in circuit.counts)
            if calls >= LEAST_CALLS and failures * 2 >= calls:
                circuit.cut_off_at = now
