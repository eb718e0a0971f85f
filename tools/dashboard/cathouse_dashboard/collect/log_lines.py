"""Records from the log files that the runner keeps: services' JSON or console lines, and those of other programs."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cathouse_dashboard.records import LEVELS, LogLine

MAX_MESSAGE = 16_384
_INFO = LEVELS.index("info")
# PostgreSQL's own names.
_ALIASES = {"log": "info", "notice": "info", "fatal": "critical", "panic": "critical"}
_WORDS = "|".join((*LEVELS, *_ALIASES)).upper()
# "08:03:14.203 INFO     …" of the services, "2026-11-26 08:03:09.988 UTC [10007] LOG:  …" of PostgreSQL.
_CONSOLE = re.compile(rf"(\d\d:\d\d:\d\d\.\d{{3}}) ({_WORDS}) +(.*)", re.DOTALL)
_POSTGRES = re.compile(
    rf"(\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{{3}}) UTC \[\d+\] ({_WORDS}): +(.*)", re.DOTALL
)
# At the end of a console line: name=value, where a value with spaces is JSON in quotes.
_FIELD = r'[a-z_][a-z0-9_.]*=(?:"(?:[^"\\]|\\.)*"|\S*)'
_FIELDS = re.compile(rf"(?:^| )({_FIELD}(?: {_FIELD})*) *$")
_EACH_FIELD = re.compile(_FIELD)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_OWN = ("timestamp", "level", "service", "message", "request_id", "trace_id")


@dataclass(slots=True)
class Parser:
    """Turns the lines of one process into records. A further line of a record, as of a traceback, joins it."""

    process: str

    def parse(self, entries: Iterator[bytes], now: int | None = None) -> list[LogLine]:
        """Return the records of these entries of the runner's file, which were written up to `now`."""
        now = time.time_ns() if now is None else now
        found: list[LogLine] = []
        joins = False
        for entry in entries:
            text = _text(entry)
            record = _record(self.process, text, now)
            if record is not None:
                found.append(record)
                joins = True
            elif (
                found
                and (joins or text.startswith((" ", "\t")))
                and len(found[-1].message) < MAX_MESSAGE
            ):
                found[-1] = replace(found[-1], message=f"{found[-1].message}\n{text}")
            elif not joins:
                found.append(LogLine(now, self.process, _INFO, text))
        return found


def _text(entry: bytes) -> str:
    """Return the line that a process wrote, out of the runner's entry."""
    try:
        text = str(json.loads(entry)["message"])
    except (ValueError, KeyError, TypeError):  # a line that a full disk has torn
        text = entry.decode(errors="replace").rstrip("\n")
    return _COLOUR.sub("", text).encode(errors="replace").decode()[:MAX_MESSAGE]


def _record(process: str, text: str, now: int) -> LogLine | None:
    """Return the record that a line begins; None for a further line."""
    if text.startswith("{"):
        return _from_json(process, text)
    if found := _CONSOLE.fullmatch(text):
        moment, level, message = found.groups()
        fields: dict[str, Any] = {}
        if tail := _FIELDS.search(message):
            fields = dict(map(_field, _EACH_FIELD.findall(tail[1])))
            message = message[: tail.start()]
        request_id, trace_id = str(fields.pop("request_id", "")), str(fields.pop("trace_id", ""))
        at = _time_of_day(moment, now)
        return LogLine(at, process, _level(level), message.rstrip(), request_id, trace_id, fields)
    if found := _POSTGRES.fullmatch(text):
        at = _nanoseconds(datetime.fromisoformat(found[1]).replace(tzinfo=UTC))
        return LogLine(at, process, _level(found[2]), found[3].rstrip())
    return None


def _from_json(process: str, text: str) -> LogLine | None:
    try:
        fields = json.loads(text)
        at = _nanoseconds(datetime.fromisoformat(fields["timestamp"]))
        level, message = _level(str(fields["level"])), str(fields["message"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    message = message.encode(errors="replace").decode()
    request_id, trace_id = str(fields.get("request_id") or ""), str(fields.get("trace_id") or "")
    rest = {name: value for name, value in fields.items() if name not in _OWN}
    if exception := rest.pop("exception", None):
        message = f"{message}\n{exception}"
    return LogLine(at, process, level, message, request_id, trace_id, rest)


def _field(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        # Numbers, and what is in quotes.
        return name, json.loads(value)
    except ValueError:
        return name, value


def _level(word: str) -> int:
    name = _ALIASES.get(word.lower(), word.lower())
    return LEVELS.index(name) if name in LEVELS else _INFO


def _time_of_day(text: str, now: int) -> int:
    """Return the last moment up to `now` at which a clock on this machine showed this."""
    latest = datetime.fromtimestamp(now / 1e9).astimezone()
    moment = datetime.combine(
        latest.date(), datetime.strptime(text, "%H:%M:%S.%f").time(), latest.tzinfo
    )
    if moment > latest + timedelta(hours=1):
        moment -= timedelta(days=1)
    return _nanoseconds(moment)


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000) * 1_000_000
