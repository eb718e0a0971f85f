"""A project in its own folder, run by the program under test."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import dedent

# Long enough for a loaded machine. A test that passes never waits this long.
DEADLINE_SECONDS = 20.0
_POLL_SECONDS = 0.02


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Poll until `condition` is true. After the deadline, fail the test with `what` in the message."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {DEADLINE_SECONDS:.0f} s in vain for: {what}")
        time.sleep(_POLL_SECONDS)


def is_alive(pid: int) -> bool:
    """Return True for a process that runs, and False for a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    if not stat.parent.parent.is_dir():
        return True
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class RunningProject:
    """Runs `up` in the background, and other commands of the same program.

    The processes of a test append one line to the file `events` for each event.
    """

    def __init__(self, program: Sequence[str], folder: Path) -> None:
        self.folder = folder
        self._program = list(program)
        self._up: subprocess.Popen[bytes] | None = None

    def up(self, configuration: str, *flags: str, **environment: str) -> None:
        (self.folder / "stack.yaml").write_text(dedent(configuration), encoding="utf-8")
        command = [*self._command("up", *flags), "-t=false", "--disable-dotenv", "-f", "stack.yaml"]
        with (self.folder / "output").open("wb") as output:
            self._up = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def run_command(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run another command of the program against the project."""
        return subprocess.run(
            self._command(*command),
            cwd=self.folder,
            env=self._environment({}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=DEADLINE_SECONDS,
        )

    def send(self, number: int) -> None:
        self._running().send_signal(number)

    def exit_status(self) -> int:
        """Wait for the end of `up` and return its exit status."""
        try:
            return self._running().wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the project did not end; its output:\n{self.output()}") from None

    def has_ended(self) -> bool:
        return self._running().poll() is not None

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.send(number)
        return self.exit_status()

    def events(self) -> list[str]:
        path = self.folder / "events"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def wait_for(self, *events: str) -> None:
        """Wait until each of the events has happened."""
        self._wait(lambda: set(events) <= set(self.events()), f"the events {events}")

    def wait_for_count(self, event: str, count: int) -> None:
        self._wait(lambda: self.events().count(event) >= count, f"{count} times {event!r}")

    def pids(self) -> list[int]:
        """Return the process ids that processes of the test wrote into the file `pids`."""
        path = self.folder / "pids"
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    def output(self) -> str:
        return (self.folder / "output").read_bytes().decode("utf-8", "replace")

    def lines_of(self, process: str) -> list[str]:
        """Return the lines of one process on the terminal, without the prefix."""
        lines = []
        for line in self.output().splitlines():
            prefix, bracket, text = line.partition("] ")
            if bracket and prefix.rpartition("[")[2].strip() == process:
                lines.append(text)
        return lines

    def pid(self) -> int:
        return self._running().pid

    def close(self) -> None:
        """Stop every process that a failed test left."""
        if self._up is not None and self._up.poll() is None:
            self._up.terminate()
            try:
                self._up.wait(DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                self._up.kill()
                self._up.wait()
        for pid in self.pids():
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(lambda: condition() or self.has_ended(), what)
        assert condition(), f"the project ended before {what}; its output:\n{self.output()}"

    def _command(self, *arguments: str) -> list[str]:
        return [*self._program, *arguments, "-U", "-u", "control.sock"]

    def _environment(self, extra: dict[str, str]) -> dict[str, str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith("PC_")}
        # The Go program keeps its own log and its own settings there.
        real = {"PC_LOG_FILE": "program.log", "PROC_COMP_CONFIG": str(self.folder)}
        return own | real | {"NO_COLOR": "1"} | extra

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._up is not None, "up() comes first"
        return self._up
