"""The two terminals of a reader: a shell that keeps its folder and variables, and one command that runs beside it."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from .lesson import Command, LessonError, check_output, line_pattern

_SECONDS = 300
_INTERRUPTED = "^C"
_RUNS_ON = "make up"
"""The command that runs until Ctrl-C, in a terminal of its own."""
_END = "tutorial-command-ended"


class Process:
    """A program in a session of its own, with its output line by line."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: Queue[str | None] = Queue()
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._lines.put(line)
        self._lines.put(None)

    def write(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def read_until(self, last_line: re.Pattern[str]) -> str:
        """Return the output up to this line. Raises `LessonError` if it does not come."""
        printed = ""
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise LessonError(f"not done after {_SECONDS} s:\n{printed}") from None
            if line is None:
                raise LessonError(f"ended early:\n{printed}")
            printed += line
            if last_line.fullmatch(line.rstrip("\n")):
                return printed

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit status."""
        os.killpg(self._process.pid, signal.SIGINT)
        return self.close()

    def close(self) -> int:
        """Wait for the end, and return the exit status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        status = self._process.wait(timeout=_SECONDS)
        self._reader.join(timeout=_SECONDS)
        return status


class Terminal:
    """The terminals of a reader who starts in `folder`. Ports are moved by `offset`, in what is typed and printed."""

    def __init__(self, folder: Path, environment: dict[str, str], offset: int) -> None:
        self._environment = environment
        self._offset = offset
        self._running: Process | None = None
        self._shell = Process(["bash"], folder, environment)
        self.folder = folder

    def type(self, command: Command) -> None:
        """Run a command. Raises `LessonError` if it fails, hangs, or prints something else than the page shows."""
        if command.text == _INTERRUPTED:
            self._interrupt()
        elif command.text == _RUNS_ON:
            self._run_on(command)
        else:
            check_output(command.output, self._run(command.text))

    def close(self) -> None:
        """End both terminals."""
        try:
            if self._running:
                self._interrupt()
        finally:
            self._shell.close()

    def _run(self, text: str) -> str:
        self._shell.write(
            f'{self._moved(text, self._offset)}\nprintf "\\n%s %s %s\\n" {_END} "$?" "$PWD"\n'
        )
        printed = self._shell.read_until(re.compile(f"{_END} .*"))
        printed, _, end = printed.rpartition(f"\n{_END} ")
        status, folder = end.rstrip("\n").split(" ", 1)
        self.folder = Path(folder)
        if status != "0":
            raise LessonError(f"`{text}` ended with status {status}:\n{printed}")
        return self._moved(printed, -self._offset)

    def _run_on(self, command: Command) -> None:
        """Start a command, and wait for the last line that the page shows."""
        self._running = Process(
            ["bash", "-c", f"exec {command.text}"], self.folder, self._environment
        )
        printed = self._running.read_until(re.compile(line_pattern(command.output[-1])))
        check_output(command.output, self._moved(printed, -self._offset))

    def _interrupt(self) -> None:
        if self._running is None:
            raise LessonError("Ctrl-C, and no command runs")
        running, self._running = self._running, None
        status = running.interrupt()
        # make itself ends by the signal, after its programs.
        if status not in (0, -signal.SIGINT):
            raise LessonError(f"Ctrl-C ended `{_RUNS_ON}` with status {status}")

    @staticmethod
    def _moved(text: str, by: int) -> str:
        return re.sub(r"(127\.0\.0\.1:)(\d+)", lambda m: f"{m[1]}{int(m[2]) + by}", text)
