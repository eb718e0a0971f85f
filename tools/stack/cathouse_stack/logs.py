"""Print the log files of the runner: filtered, in the order of time, and with new lines as they come.

Each line of a file is one JSON object.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cathouse_stack.errors import StackError
from cathouse_stack.since import Since

FOLDER = Path(".state/logs")
LAST_LINES = 100
_LEVELS = ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL")
# The names that PostgreSQL uses.
_ALIASES = {"LOG": "INFO", "NOTICE": "INFO", "FATAL": "CRITICAL", "PANIC": "CRITICAL"}
# "08:03:14.203 INFO     …" of the services, "2026-11-26 08:03:09.988 UTC [10007] LOG:  …" of PostgreSQL.
_HEAD = re.compile(
    r"(?:[\d-]{10} )?(\d\d:\d\d:\d\d\.\d+) (?:\S+ \[\d+\] )?"
    rf"({'|'.join((*_LEVELS, *_ALIASES))})\b"
)
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a process."""

    process: str
    text: str
    head: str
    """The first line of the record. For a line of a traceback, this is the line above the traceback."""
    time: str
    """The time of day of the record, or an empty text."""
    level: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Selects the lines to print. An empty field selects all lines. Raises `StackError` for an unknown level."""

    level: str = ""
    """Select this level and higher ones."""
    request: str = ""
    """Select the lines of a request, by the beginning of its id."""
    since: Since | None = None
    """Select the lines since a time of day."""

    def __post_init__(self) -> None:
        if self.level and self.level.upper() not in _LEVELS:
            known = ", ".join(_LEVELS)
            raise StackError(f"LEVEL={self.level}: unknown level. Use one of {known}")

    def lets_through(self, line: Line) -> bool:
        lowest = _LEVELS.index(self.level.upper()) if self.level else 0
        if self.since and not self.since.includes(line.time):
            return False
        return _LEVELS.index(line.level) >= lowest and (
            not self.request
            or re.search(rf'request_id(?:=|":"){re.escape(self.request)}', line.head) is not None
        )


def show_logs(process: str, wanted: Filter, *, follow: bool, as_json: bool = False) -> None:
    """Print the last lines of a process, or of all processes when `process` is empty.

    With `follow`, print each new line until Ctrl-C. All lines of a selected request or time are printed, at
    any age. With `as_json`, each is a JSON object. Raises `StackError` when there are no log files, or none of the
    process.
    """
    known = sorted(path.stem for path in _paths())
    if not known:
        raise StackError(f"{FOLDER} has no logs. Start the stack in another terminal: make up")
    if process and process not in known:
        raise StackError(
            f"SERVICE={process}: no process of the stack has this name. Use one of {', '.join(known)}"
        )
    files: dict[Path, _LogFile] = {}
    lines = _read(files, process, wanted)
    _print(lines if wanted.request or wanted.since else lines[-LAST_LINES:], as_json)
    while follow:
        time.sleep(_POLL_SECONDS)
        _print(_read(files, process, wanted), as_json)


@dataclass(slots=True)
class _LogFile:
    path: Path
    position: int = 0
    last: Line | None = field(default=None)

    def read(self) -> Iterator[Line]:
        """Yield the lines that were written after the previous call."""
        with self.path.open("rb") as file:
            if self.path.stat().st_size < self.position:  # `make up` empties each file
                self.position = 0
            file.seek(self.position)
            for entry in file:
                if not entry.endswith(b"\n"):  # the rest of the line is not written yet
                    return
                self.position += len(entry)
                self.last = _line(self.path.stem, entry, self.last)
                yield self.last


def _paths() -> list[Path]:
    # The own log of the Go program has another format.
    return [path for path in FOLDER.glob("*.log") if path.stem != "process-compose"]


def _read(files: dict[Path, _LogFile], process: str, wanted: Filter) -> list[Line]:
    for path in _paths():
        if not process or path.stem == process:
            files.setdefault(path, _LogFile(path))
    lines = [line for file in files.values() for line in file.read() if wanted.lets_through(line)]
    # The lines of a record share its time, and the stable sort keeps their order.
    return sorted(lines, key=lambda line: line.time)


def _print(lines: list[Line], as_json: bool) -> None:
    for line in lines:
        fields = {
            "process": line.process,
            "time": line.time,
            "level": line.level,
            "text": line.text,
        }
        print(json.dumps(fields) if as_json else f"{line.process:<12}  {line.text}", flush=True)


def _line(process: str, entry: bytes, last: Line | None) -> Line:
    try:
        text = str(json.loads(entry)["message"])
    except (ValueError, KeyError, TypeError):  # the line is incomplete because the disk was full
        text = entry.decode(errors="replace").rstrip("\n")
    if head := _head(text):
        return Line(process, text, text, *head)
    if last:
        return Line(process, text, last.head, last.time, last.level)
    return Line(process, text, text, "", "INFO")


def _head(text: str) -> tuple[str, str] | None:
    """Return the time of day and the level of the first line of a record, or None for its other lines."""
    if text.startswith("{"):
        try:
            fields = json.loads(text)
            time_of_day, level = fields["timestamp"][11:23], fields["level"].upper()
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
    elif found := _HEAD.match(text):
        time_of_day, level = found[1], found[2]
    else:
        return None
    level = _ALIASES.get(level, level)
    return (time_of_day, level) if level in _LEVELS else None
