"""The faults: processes killed, connections cut and frozen, at random."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import asyncpg
import psutil

from .target import POSTGRES, Target

# Shorter and longer than the services' limits: 2 s to connect to PostgreSQL or to another service.
_FREEZE_SECONDS = (0.1, 3.0)
_VICTIM_SECONDS = 5.0


class Faults:
    """Strikes a target. A fault that finds no victim is not counted."""

    def __init__(self, target: Target, randomly: random.Random) -> None:
        self._target = target
        self._randomly = randomly
        self._thawing: list[threading.Timer] = []
        self._killed: set[psutil.Process] = set()
        self.struck: Counter[str] = Counter()
        """The number of strikes of each fault, by name."""
        self._kills: list[tuple[int, Callable[[], str | None]]] = [
            (8, self.kill_backend),
            (3, self.kill_postmaster),
            (2, self.kill_worker),
            (1, self.kill_runners_child),
        ]
        self._others: list[tuple[int, Callable[[], str | None]]] = [
            (1, self.terminate_backends),
            (2, self.cut_relay),
            (2, self.freeze_relay),
            (1, self.freeze_backend),
            (1, self.freeze_worker),
            (1, self.freeze_postmaster),
        ]

    @property
    def kills(self) -> int:
        return sum(number for name, number in self.struck.items() if name.startswith("kill"))

    @property
    def trials(self) -> int:
        return self.struck.total()

    def strike(self) -> None:
        """Strike with a random fault. Four of five are kills.

        Waits for a victim, because the platform may still recover from the last kill.
        """
        kinds = self._others if self._randomly.random() < 1 / 5 else self._kills
        weights, faults = zip(*kinds, strict=True)
        (fault,) = self._randomly.choices(faults, weights)
        deadline = time.monotonic() + _VICTIM_SECONDS
        while (name := _try(fault)) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if name is not None:
            self.struck[name] += 1

    def end(self) -> None:
        """Wait until all frozen relays and processes are thawed."""
        for timer in self._thawing:
            timer.join()

    def kill_postmaster(self) -> str | None:
        return self._kill("kill PostgreSQL", self._target.postmaster())

    def kill_backend(self) -> str | None:
        """After this, PostgreSQL ends all its sessions and recovers from its log."""
        return self._kill("kill a backend", self._target.backend(self._randomly))

    def kill_worker(self) -> str | None:
        return self._kill("kill a service", self._target.worker(self._service()))

    def kill_runners_child(self) -> str | None:
        """Kill the process that serves. Otherwise every second kill would hit a starting process."""
        service = self._service()
        if self._target.worker(service) is None:
            return None
        return self._kill("kill the runner's child", self._target.runners_child(service))

    def terminate_backends(self) -> str | None:
        """End the sessions of one service, between or in the middle of statements."""

        async def terminate(service: str) -> None:
            connection = await asyncpg.connect(self._target.database_url, timeout=2)
            try:
                await connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where application_name = $1",
                    service,
                )
            finally:
                await connection.close(timeout=2)

        asyncio.run(terminate(self._service()))
        return "terminate backends"

    def cut_relay(self) -> str | None:
        self._target.relays.cut(self._relay())
        return "cut connections"

    def freeze_relay(self) -> str | None:
        relay = self._relay()
        self._target.relays.freeze(relay)
        self._later(partial(self._target.relays.thaw, relay))
        return "freeze connections"

    def freeze_backend(self) -> str | None:
        return self._freeze("freeze a backend", self._target.backend(self._randomly))

    def freeze_worker(self) -> str | None:
        return self._freeze("freeze a service", self._target.worker(self._service()))

    def freeze_postmaster(self) -> str | None:
        return self._freeze("freeze PostgreSQL", self._target.postmaster())

    def _service(self) -> str:
        return self._randomly.choice(self._target.services)

    def _relay(self) -> str:
        return self._randomly.choice((POSTGRES, *self._target.services))

    def _kill(self, name: str, process: psutil.Process | None) -> str | None:
        if process is None or process in self._killed:
            return None  # a killed process exists for a moment longer, but must count once
        process.kill()
        self._killed.add(process)
        return name

    def _freeze(self, name: str, process: psutil.Process | None) -> str | None:
        if process is None:
            return None
        process.suspend()

        def resume() -> None:
            with suppress(psutil.NoSuchProcess):  # it has been killed in the meantime
                process.resume()

        self._later(resume)
        return name

    def _later(self, thaw: Callable[[], None]) -> None:
        timer = threading.Timer(self._randomly.uniform(*_FREEZE_SECONDS), thaw)
        timer.start()
        self._thawing.append(timer)


def _try(fault: Callable[[], str | None]) -> str | None:
    try:
        return fault()
    except (psutil.NoSuchProcess, OSError, asyncpg.PostgresError):
        return None  # the victim has just ended by itself, or PostgreSQL is down
