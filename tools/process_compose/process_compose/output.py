"""Output of the processes: to the terminal, to log files, and into memory for `logs`."""

import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

_KEPT_LINES = 1000
# These colours are readable on dark and light backgrounds. Red is reserved for errors.
_COLOURS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)

Listener = Callable[[str], None]


class Console:
    """Prints lines to stdout. Each line begins with the aligned name of its process.

    `on_lost` is called once, when the pipe or the terminal has been closed.
    """

    def __init__(self, names: Iterable[str], stream: BinaryIO, on_lost: Callable[[], None]) -> None:
        names = list(names)
        width = max(map(len, names))
        coloured = use_colour(stream)
        self._stream = stream
        self._on_lost = on_lost
        self._lost = False
        self._prefixes: dict[str, bytes] = {}
        for position, name in enumerate(names):
            prefix = f"[{name:{width}}]"
            if coloured:
                prefix = f"\x1b[{_COLOURS[position % len(_COLOURS)]}m{prefix}\x1b[0m"
            self._prefixes[name] = f"{prefix} ".encode()

    def write(self, name: str, line: str) -> None:
        if self._lost:
            return
        try:
            self._stream.write(self._prefixes[name] + line.encode("utf-8", "replace") + b"\n")
            self._stream.flush()
        except OSError:
            self._lost = True
            # The buffer still holds text, which would raise again when the interpreter closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._on_lost()


def use_colour(stream: BinaryIO) -> bool:
    """Return True for a terminal, unless NO_COLOR is set or the terminal is dumb."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and stream.isatty()


class LogFile:
    """A log file in the format of process-compose: one JSON object a line. `up` empties it first.

    A line that cannot be written, for example on a full disk, is lost. The processes continue.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._torn = False

    def write(self, name: str, line: str, stream: str) -> None:
        level = "error" if stream == "stderr" else "info"
        entry = {"level": level, "process": name, "replica": 0, "message": line}
        text = json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        try:
            if self._torn:
                self._file.write(b"\n")
            self._torn = self._file.write(text) != len(text)
        except OSError:
            return

    def close(self) -> None:
        self._file.close()


class Journal:
    """The output of one process."""

    def __init__(self, name: str, console: Console, file: LogFile | None) -> None:
        self._name = name
        self._console = console
        self._file = file
        self._kept: deque[str] = deque(maxlen=_KEPT_LINES)
        self._listeners: set[Listener] = set()

    def write(self, line: str, stream: str) -> None:
        self._kept.append(line)
        self._console.write(self._name, line)
        if self._file is not None:
            self._file.write(self._name, line, stream)
        for listener in tuple(self._listeners):
            listener(line)

    def last(self, count: int | None) -> list[str]:
        """Return the last `count` lines in memory, or all of them when `count` is None."""
        lines = list(self._kept)
        return lines if count is None else lines[max(len(lines) - count, 0) :]

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Pass every new line to `listener`. Return a function that ends this."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)
