"""The running stack as the dashboard sees it now: kept up to date by one task each."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from loguru import logger

from cathouse_dashboard.collect.log_reader import POLL_SECONDS, LogReader
from cathouse_dashboard.collect.runner import ProcessState, Runner, RunnerError
from cathouse_dashboard.collect.scraper import PERIOD_SECONDS, Readiness, Scraper
from cathouse_dashboard.collect.usage import Usage, UsageMeter
from cathouse_dashboard.live import Live
from cathouse_dashboard.store.writer import Writer

_WATCHED_SECONDS = 0.5
_UNWATCHED_SECONDS = 5.0
# A service is ready again two seconds after it was killed. A developer must still see that it was.
_RECENT_SECONDS = 60.0


@dataclass(slots=True)
class Snapshot:
    """The last known state."""

    processes: list[ProcessState] = field(default_factory=list)
    usage: dict[str, Usage] = field(default_factory=dict)
    readiness: dict[str, Readiness] = field(default_factory=dict)
    restarted: dict[str, float] = field(default_factory=dict)
    """When a process started again by itself, in seconds since 1970."""
    problem: str = ""
    """The reason why the runner does not respond. Empty if it does."""


class Stack:
    """Collects in the background, from `start` to `stop`."""

    def __init__(
        self, *, runner: Runner, scraper: Scraper, logs: LogReader, writer: Writer, live: Live
    ) -> None:
        self.now = Snapshot()
        self.runner = runner
        self._scraper = scraper
        self._logs = logs
        self._writer = writer
        self._live = live
        self._meter = UsageMeter()
        self._tasks: list[asyncio.Task[None]] = []
        self._look_now = asyncio.Event()

    def start(self) -> None:
        for step, pause in (
            # Apart, because the Go program takes its time to list processes.
            (self._look_at_processes, self._pause),
            (self._look_at_services, self._pause),
            (self._scrape, lambda: asyncio.sleep(PERIOD_SECONDS)),
            (self._read_logs, lambda: asyncio.sleep(POLL_SECONDS)),
        ):
            self._tasks.append(asyncio.create_task(_repeat(step, pause)))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._scraper.close()
        await self.runner.close()

    def look_soon(self) -> None:
        """Have the processes looked at again at once, as after a button."""
        self._look_now.set()

    async def _pause(self) -> None:
        seconds = _WATCHED_SECONDS if self._live.watched else _UNWATCHED_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._look_now.wait()
        self._look_now.clear()

    async def _look_at_processes(self) -> None:
        try:
            processes = await self.runner.processes()
        except RunnerError as error:
            self.now.problem = str(error)
        else:
            before = {state.name: state.restarts for state in self.now.processes}
            for state in processes:
                if state.restarts > before.get(state.name, state.restarts):
                    self.now.restarted[state.name] = time.time()
            self.now.processes, self.now.problem = processes, ""
        self._live.notify({"stack"})

    async def _look_at_services(self) -> None:
        self.now.readiness = await self._scraper.readiness()
        self._live.notify({"stack"})

    async def _scrape(self) -> None:
        pids = {state.name: state.pid for state in self.now.processes if state.pid > 0}
        self.now.usage = await asyncio.to_thread(self._meter.measure, pids)
        if samples := await self._scraper.scrape():
            self._writer.add_samples(samples)

    async def _read_logs(self) -> None:
        await asyncio.to_thread(self._logs.poll)


async def _repeat(
    step: Callable[[], Awaitable[None]], pause: Callable[[], Awaitable[object]]
) -> None:
    while True:
        try:
            await step()
        except Exception:  # one look that fails must not be the last one
            logger.exception("the dashboard could not look at the stack; it tries again")
        await pause()


def recently(restarted: dict[str, float]) -> dict[str, float]:
    """Return how many seconds ago processes started again by themselves, for those of the last minute."""
    ages = {name: time.time() - moment for name, moment in restarted.items()}
    return {name: age for name, age in ages.items() if age < _RECENT_SECONDS}


def uptime(usage: Usage) -> float:
    """Return for how many seconds a process has been up."""
    return time.time() - usage.started
