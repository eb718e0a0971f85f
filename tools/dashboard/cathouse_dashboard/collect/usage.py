"""CPU and memory of the stack's processes, as the system counts them."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

FORK_SERVER = "libraries"
"""Its children are the services, which are counted as their own processes."""


@dataclass(frozen=True, slots=True)
class Usage:
    started: float
    """Seconds since 1970."""
    memory: int
    """Bytes; what processes share counts for each of them."""
    cpu: float | None
    """Share of one core since the last look; None at the first."""


class UsageMeter:
    """Remembers the CPU times of the last look."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, float]] = {}

    def measure(self, pids: Mapping[str, int]) -> dict[str, Usage]:
        """Return the usage of each process with its children, by its name; those that have ended are left out."""
        children: dict[int, list[psutil.Process]] = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                children.setdefault(process.ppid(), []).append(process)
        found = {}
        for name, pid in pids.items():
            with suppress(psutil.Error):
                found[name] = self._usage(name, psutil.Process(pid), children)
        return found

    def _usage(
        self, name: str, parent: psutil.Process, children: Mapping[int, list[psutil.Process]]
    ) -> Usage:
        members, seconds, memory = [parent], 0.0, 0
        for member in members:
            if name != FORK_SERVER:
                members += children.get(member.pid, [])
            with suppress(psutil.Error), member.oneshot():
                times = member.cpu_times()
                seconds += times.user + times.system
                memory += member.memory_info().rss
        return Usage(parent.create_time(), memory, self._cpu_share(name, seconds))

    def _cpu_share(self, name: str, seconds: float) -> float | None:
        """Return the share of one core that a process had since the last call; None at the first."""
        now = time.monotonic()
        before, self._last[name] = self._last.get(name), (now, seconds)
        if before is None or now <= before[0] or seconds < before[1]:
            return None
        return (seconds - before[1]) / (now - before[0])
