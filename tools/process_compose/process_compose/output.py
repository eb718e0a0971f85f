"""Where the lines of the processes go: the terminal, the log files, and those kept for `logs`."""

import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

_KEPT_LINES = 1000
# Told apart on dark and light backgrounds; red is left to errors.
_COLOURS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)

Listener = Callable[[str], None]


class Console:
    """Prints lines to stdout, each behind the aligned name of its process.

    `on_lost` is called once when nobody reads them any more (a closed pipe, a closed terminal).
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
            # What is still buffered would raise again when the interpreter closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._on_lost()


def use_colour(stream: BinaryIO) -> bool:
    """Colour on a terminal only, and not against the person's wish (NO_COLOR, a dumb terminal)."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and stream.isatty()


class LogFile:
    """A log file in process-compose's format, one JSON object a line. `up` starts it empty.

    A line that cannot be written, as on a full disk, is lost; the processes go on.
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
        """The last `count` lines that are still kept; all of those without a count."""
        lines = list(self._kept)
        return lines if count is None else lines[max(len(lines) - count, 0) :]

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Passes every further line to `listener`; returns what ends that."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)
