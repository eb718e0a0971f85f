"""One process of a project, from the wait for its dependencies to its last exit."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from enum import StrEnum

from process_compose.changes import Changes
from process_compose.children import Child, Children
from process_compose.config import ProcessConfig
from process_compose.errors import notice
from process_compose.output import Journal
from process_compose.probes import Prober

# Seconds for a shutdown command and for the rest of the group, where the configuration sets no limit.
_DEFAULT_STOP_SECONDS = 10


class Status(StrEnum):
    DISABLED = "Disabled"
    PENDING = "Pending"
    RUNNING = "Running"
    TERMINATING = "Terminating"
    RESTARTING = "Restarting"
    COMPLETED = "Completed"
    SKIPPED = "Skipped"
    ERROR = "Error"


class Skip(Exception):
    """A dependency can no longer reach the state that this process waits for."""


class Process:
    """Runs a command, restarts it as its policy says, and notifies `changes` of every change.

    `ready` and `log_ready` become true at the first success of the current run. `healthy` is the
    latest result of the probe. `exit_code` is the one of the last run, or -1 after a signal.
    """

    def __init__(
        self,
        name: str,
        config: ProcessConfig,
        *,
        shell_argv: list[str],
        environment: Mapping[str, str],
        children: Children,
        journal: Journal,
        changes: Changes,
        wait_for_dependencies: Callable[["Process"], Awaitable[None]],
    ) -> None:
        self.name = name
        self.config = config
        self.journal = journal
        self.status = Status.DISABLED if config.disabled else Status.PENDING
        self.healthy: bool | None = None
        self.started = False
        self.ready = False
        self.log_ready = False
        self.ended = config.disabled
        self.wanted = True
        self.exit_code = 0
        self.restarts = 0
        self.pid = 0
        self.started_at: float | None = None
        self._shell = shell_argv
        self._environment = environment
        self._children = children
        self._changes = changes
        self._wait_for_dependencies = wait_for_dependencies
        self._child: Child | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._again = False

    async def run(self) -> None:
        """Run the command until its last run has ended. `ended` is then true."""
        self.ended = False
        self.exit_code = 0
        self._set(Status.PENDING)
        try:
            await self._wait_for_dependencies(self)
        except Skip as reason:
            notice(f"{self.name} is skipped: {reason}")
            self.exit_code = 1
            self._end(Status.SKIPPED)
            return
        last = Status.COMPLETED
        while self.wanted:
            self._again = False
            try:
                await self._run_once()
            except OSError as error:
                notice(f"cannot start {self.name}: {error}")
                self.exit_code = 1
                last = Status.ERROR
                break
            if not self._again and not await self._back_off():
                break
        self._end(last)

    async def stop(self) -> None:
        """Stop the current run within its time limit. The policy decides about the next run."""
        self._begin_stop()
        if self._stopping is not None:
            await asyncio.shield(self._stopping)

    async def restart(self) -> None:
        """Stop the current run and start a new one without a delay."""
        self._again = True
        self._changes.notify()
        await self.stop()

    def kill(self) -> None:
        """Kill the whole process group."""
        if self._child is not None:
            self._child.signal_group(signal.SIGKILL)

    def _begin_stop(self) -> None:
        if self._child is None or self._child.ended.done() or self._stopping is not None:
            return
        self._set(Status.TERMINATING)
        self._stopping = asyncio.create_task(self._bring_down(self._child))

    async def _run_once(self) -> None:
        self.healthy = None
        self.ready = self.log_ready = False
        self._stopping = None
        child = await self._children.start(
            [*self._shell, self.config.command],
            environment=self._environment,
            working_dir=self.config.working_dir,
            on_line=self._on_line,
        )
        self._child = child
        self.pid = child.pid
        self.started = True
        self.started_at = time.monotonic()
        self._set(Status.RUNNING)
        if self._again or not self.wanted:
            # The stop or restart was requested while the command was being started.
            self._begin_stop()
        probing = asyncio.create_task(self._probe())
        self.exit_code = await child.ended
        probing.cancel()
        with suppress(asyncio.CancelledError):
            await probing
        if self._stopping is not None:
            await self._stopping
        else:
            # Remaining children would hold the port, and the next run could not start.
            await child.clear_group(0)
        await child.drained
        self._child = None
        self.pid = 0

    async def _probe(self) -> None:
        if self.config.readiness_probe is not None:
            await Prober(
                self.config.readiness_probe,
                children=self._children,
                shell=self._shell,
                environment=self._environment,
                working_dir=self.config.working_dir,
                on_change=self._on_probe,
                on_failed=self._on_probe_failed,
            ).run()

    def _on_probe(self, healthy: bool) -> None:
        if healthy != self.healthy:
            self.healthy = healthy
            self.ready = self.ready or healthy
            self._changes.notify()

    def _on_probe_failed(self, problem: str) -> None:
        notice(f"{self.name} is not ready and is being stopped: {problem}")
        self._begin_stop()

    def _on_line(self, line: str, stream: str) -> None:
        self.journal.write(line, stream)
        wanted = self.config.ready_log_line
        if wanted is not None and not self.log_ready and wanted in line:
            self.log_ready = self.healthy = True
            self._changes.notify()

    async def _back_off(self) -> bool:
        """Wait before the next run. Return False when there is no next run."""
        policy = self.config.availability
        if not self.wanted or not policy.restarts_after(self.exit_code, self.restarts):
            return False
        self.restarts += 1
        seconds = max(policy.backoff_seconds, 1)
        self.healthy = None
        self._set(Status.RESTARTING)
        notice(f"{self.name} {_ending(self.exit_code)} and restarts in {seconds} s")
        interrupted = self._changes.until(lambda: self._again or not self.wanted)
        try:
            await asyncio.wait_for(interrupted, seconds)
        except TimeoutError:
            return True
        return self.wanted

    async def _bring_down(self, child: Child) -> None:
        shutdown = self.config.shutdown
        limit = shutdown.timeout_seconds
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (limit or _DEFAULT_STOP_SECONDS)
        if shutdown.command is not None:
            if not await self._run_shutdown_command(shutdown.command, deadline):
                child.signal_group(signal.SIGKILL)
        elif shutdown.parent_only:
            child.signal(shutdown.signal)
        else:
            child.signal_group(shutdown.signal)
        if not await child.wait(max(deadline - loop.time(), 0) if limit else None):
            notice(f"{self.name} did not stop within {limit} s and is being killed")
            child.signal_group(signal.SIGKILL)
            await child.wait(None)
        if shutdown.parent_only or shutdown.command is not None:
            child.signal_group(shutdown.signal)
        await child.clear_group(max(deadline - loop.time(), 0))

    async def _run_shutdown_command(self, command: str, deadline: float) -> bool:
        try:
            stopper = await self._children.start(
                [*self._shell, command],
                environment=self._environment,
                working_dir=self.config.working_dir,
                on_line=self.journal.write,
            )
        except OSError as error:
            notice(f"{self.name}: cannot start its shutdown command: {error}")
            return False
        await stopper.wait(max(deadline - asyncio.get_running_loop().time(), 0))
        in_time = stopper.ended.done()
        stopper.signal_group(signal.SIGKILL)
        await stopper.drained
        if not in_time or stopper.ended.result() != 0:
            ending = _ending(stopper.ended.result()) if in_time else "did not end in time"
            notice(f"{self.name}: its shutdown command {ending}; killing the process")
            return False
        return True

    def _end(self, status: Status) -> None:
        self.ended = True
        self._set(status)

    def _set(self, status: Status) -> None:
        self.status = status
        self._changes.notify()


def process_environment(name: str, *assignments: list[str]) -> dict[str, str]:
    """Return the environment of the runner, with `assignments` added. Later assignments win."""
    environment = {"PC_PROC_NAME": name, "PC_REPLICA_NUM": "0", **os.environ}
    for assignment in (entry for entries in assignments for entry in entries):
        key, _, value = assignment.partition("=")
        environment[key] = value
    return environment


def _ending(exit_code: int) -> str:
    return "was killed by a signal" if exit_code < 0 else f"exited with {exit_code}"
