"""A whole project: the order of its starts and stops, and its exit status."""

import asyncio
import sys
from pathlib import Path

from process_compose.changes import Changes
from process_compose.children import Children
from process_compose.config import Condition, ProjectConfig
from process_compose.errors import UserError, notice
from process_compose.output import Console, Journal, LogFile
from process_compose.process import Process, Skip, Status, process_environment


class Project:
    """Runs the processes of a configuration once, in one event loop."""

    def __init__(self, config: ProjectConfig, *, ordered_shutdown: bool) -> None:
        """Open the log files. Raises UserError when one cannot be opened."""
        self.changes = Changes()
        self.stopping = False
        self._config = config
        self._ordered_shutdown = ordered_shutdown or config.ordered_shutdown
        self._children = Children()
        self._exit_code = 0
        self._tasks = asyncio.TaskGroup()
        self._log_files: dict[str, LogFile] = {}
        console = Console(config.processes, sys.stdout.buffer, self.stop)
        self.processes = {name: self._make(name, console) for name in config.processes}

    async def run(self) -> int:
        """Start every process. Return the exit status when all have ended."""
        try:
            async with self._tasks:
                for process in self.processes.values():
                    if not process.config.disabled:
                        self._start(process)
                await self.changes.until(lambda: all(p.ended for p in self.processes.values()))
                # A restart that is requested from now on is refused.
                self.stopping = True
        finally:
            self.kill()
            await self._children.kill_adopted()
        for log_file in self._log_files.values():
            log_file.close()
        return self._exit_code

    def stop(self, exit_code: int = 0) -> None:
        """Stop every process. The exit code of the first call becomes the status of the project."""
        if self.stopping:
            return
        self.stopping = True
        self._exit_code = exit_code
        for process in self.processes.values():
            process.wanted = False
        self.changes.notify()
        for process in self.processes.values():
            self._tasks.create_task(self._stop_in_turn(process))

    def kill(self) -> None:
        """Kill every process that still runs."""
        for process in self.processes.values():
            process.kill()

    async def restart(self, name: str) -> None:
        """Restart a process. Return when it runs again or waits for its dependencies.

        Raises UserError for an unknown name, and when the project is stopping.
        """
        process = self.find(name)
        if self.stopping:
            raise UserError(f"cannot restart {name}: the project is stopping")
        if process.ended:
            self._start(process)
            return
        await process.restart()
        await self.changes.until(
            lambda: process.ended or process.status in (Status.RUNNING, Status.PENDING)
        )

    def start(self, name: str) -> None:
        """Start a process that has ended. Raises `UserError` where it runs, and as `restart` does."""
        process = self.find(name)
        if self.stopping:
            raise UserError("the project is stopping")
        if not process.ended:
            raise UserError(f"process {name!r} runs already")
        self._start(process)

    async def stop_process(self, name: str) -> None:
        """Stop a process, and do not restart it: its policy does not count. Return when it has ended.

        Raises `UserError` where it does not run, and as `restart` does.
        """
        process = self.find(name)
        if process.ended:
            raise UserError(f"process {name!r} does not run")
        process.wanted = False
        self.changes.notify()
        await process.stop()
        await self.changes.until(lambda: process.ended)

    def find(self, name: str) -> Process:
        """Return the process, or raise UserError for an unknown name."""
        if name not in self.processes:
            raise UserError(f"no process {name!r}: use one of {', '.join(self.processes)}")
        return self.processes[name]

    def _make(self, name: str, console: Console) -> Process:
        config = self._config.processes[name]
        location = config.log_location or self._config.log_location
        return Process(
            name,
            config,
            shell_argv=[self._config.shell.shell_command, self._config.shell.shell_argument],
            environment=process_environment(name, self._config.environment, config.environment),
            children=self._children,
            journal=Journal(name, console, self._log_file(location)),
            changes=self.changes,
            wait_for_dependencies=self._wait_for_dependencies,
        )

    def _log_file(self, location: str | None) -> LogFile | None:
        if location is None:
            return None
        if location not in self._log_files:
            try:
                self._log_files[location] = LogFile(Path(location))
            except OSError as error:
                raise UserError(
                    f"cannot open log_location {location!r}: {error.strerror or error}"
                ) from error
        return self._log_files[location]

    def _start(self, process: Process) -> None:
        process.ended = False
        process.wanted = True
        self._tasks.create_task(self._run(process))

    async def _run(self, process: Process) -> None:
        await process.run()
        if self.stopping or not process.wanted:
            return
        availability = process.config.availability
        if process.status is Status.SKIPPED:
            if availability.exit_on_skipped:
                notice(f"{process.name} was skipped, so every process stops")
                self.stop(1)
        elif availability.ends_project_after(process.exit_code):
            notice(f"{process.name} ended with {process.exit_code}, so every process stops")
            self.stop(process.exit_code)

    async def _wait_for_dependencies(self, process: Process) -> None:
        """Wait for the dependencies. Raises Skip when one can no longer reach its condition."""

        def undecided() -> list[str]:
            return [
                name
                for name, dependency in process.config.depends_on.items()
                if _met(self.processes[name], dependency.condition) is None
            ]

        await self.changes.until(lambda: not process.wanted or not undecided())
        if not process.wanted:
            return
        for name, dependency in process.config.depends_on.items():
            if not _met(self.processes[name], dependency.condition):
                raise Skip(f"{name} did not reach {dependency.condition}")

    async def _stop_in_turn(self, process: Process) -> None:
        if self._ordered_shutdown:
            dependents = [
                other
                for other in self.processes.values()
                if process.name in other.config.depends_on
            ]
            await self.changes.until(lambda: all(other.ended for other in dependents))
        await process.stop()


def _met(process: Process, condition: Condition) -> bool | None:
    """Return True or False once it is certain that `process` meets the condition or not, else None."""
    ended = True if process.ended else None
    match condition:
        case "process_started":
            return process.started or _not(ended)
        case "process_healthy":
            return process.ready or _not(ended)
        case "process_log_ready":
            return process.log_ready or _not(ended)
        case "process_completed":
            return ended
        case "process_completed_successfully":
            return ended and process.exit_code == 0


def _not(ended: bool | None) -> bool | None:
    return False if ended else None
