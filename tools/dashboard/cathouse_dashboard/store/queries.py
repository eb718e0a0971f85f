"""Queries of the pages and the terminal on a run's file. None of them changes it."""

import json
import sqlite3
import time
import zlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cathouse_dashboard.records import LogLine, Sample, Span
from cathouse_dashboard.store.schema import open_for_reading, used_bytes
from cathouse_dashboard.store.summaries import SEPARATOR

MAX_SPANS_SHOWN = 2_000
"""Of one trace."""


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One trace in a list."""

    trace_id: str
    start: int
    finish: int
    name: str
    service: str
    status: int | None
    spans: int
    failed: int
    services: tuple[str, ...]
    request_id: str
    person: str
    installation: str

    @property
    def duration(self) -> int:
        return self.finish - self.start


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """The traces to list. An empty field lets all traces through."""

    service: str = ""
    route: str = ""
    """A part of the route of any of its requests, or of its name."""
    status: str = ""
    """`failed`, a status such as `404`, or its first digit such as `4xx`."""
    longer_than: float = 0
    """Milliseconds."""
    request: str = ""
    """The beginning of a request id."""
    person: str = ""
    installation: str = ""
    since: int = 0
    before: int = 0
    """Only traces that began before this time."""
    slowest: bool = False
    """The slowest first; else the newest."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """The log lines to list. An empty field lets all lines through."""

    process: str = ""
    level: int = 0
    """This level and those above it, as a position in `LEVELS`."""
    text: str = ""
    request: str = ""
    """The beginning of a request id."""
    since: int = 0
    before: int = 0
    """Only lines with a smaller id."""


@dataclass(frozen=True, slots=True)
class Statement:
    """The SQL statements of one text, by one service."""

    service: str
    text: str
    calls: int
    failed: int
    total: int
    longest: int
    slowest_trace: str


class Queries:
    """Reads one run's file. Raises `sqlite3.Error` where it cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def traces(self, wanted: TraceFilter, limit: int) -> list[TraceRow]:
        conditions, values = _trace_conditions(wanted)
        order = "finish - start DESC" if wanted.slowest else "start DESC"
        rows = self._rows(
            f"SELECT * FROM traces WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT ?",  # noqa: S608
            (*values, limit),
        )
        return [_trace_row(row) for row in rows]

    def count_traces(self, wanted: TraceFilter) -> int:
        conditions, values = _trace_conditions(wanted)
        rows = self._rows(f"SELECT count(*) FROM traces WHERE {' AND '.join(conditions)}", values)  # noqa: S608
        return int(rows[0][0])

    def find_trace(self, trace_id: str) -> TraceRow | None:
        rows = self._rows("SELECT * FROM traces WHERE trace_id = ?", (trace_id,))
        return _trace_row(rows[0]) if rows else None

    def spans(self, trace_id: str, limit: int = MAX_SPANS_SHOWN) -> list[Span]:
        """Return the spans of a trace in the order of their start."""
        rows = self._rows(
            "SELECT * FROM spans WHERE trace_id = ? ORDER BY start LIMIT ?", (trace_id, limit)
        )
        return [
            Span(
                *(row["trace_id"], row["span_id"], row["parent_id"], row["service"], row["name"]),
                *(row["kind"], row["start"], row["duration"], bool(row["failed"])),
                json.loads(row["attributes"]),
                json.loads(row["events"]),
            )
            for row in rows
        ]

    def logs(self, wanted: LogFilter, limit: int) -> list[tuple[int, LogLine]]:
        """Return the newest lines with their ids, the newest first."""
        conditions = ["level >= ?"]
        values: list[object] = [wanted.level]
        for condition, value in (
            ("process = ?", wanted.process),
            ("request_id >= ? AND request_id < ?", wanted.request),
            ("instr(lower(message || fields), lower(?))", wanted.text),
            ("time >= ?", wanted.since),
            ("id < ?", wanted.before),
        ):
            if value:
                conditions.append(condition)
                values += [value, f"{value}\U0010ffff"] if " AND " in condition else [value]
        rows = self._rows(
            f"SELECT * FROM logs WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?",  # noqa: S608
            (*values, limit),
        )
        return [(row["id"], _log_line(row)) for row in rows]

    def logs_of_trace(self, trace: TraceRow, limit: int = 500) -> list[LogLine]:
        """Return the lines that were written for a trace's requests, the oldest first."""
        # A line has the millisecond in which it was written; a request id may be used again by another request.
        slack = 2_000_000_000
        rows = self._rows(
            "SELECT * FROM logs WHERE (request_id = ? AND request_id != '' OR trace_id = ?)"
            " AND time BETWEEN ? AND ? ORDER BY time, id LIMIT ?",
            (trace.request_id, trace.trace_id, trace.start - slack, trace.finish + slack, limit),
        )
        return [_log_line(row) for row in rows]

    def trace_of_line(self, line: LogLine) -> str:
        """Return the id of the trace during which a line was written; empty where there is none."""
        if line.trace_id:
            return line.trace_id
        slack = 2_000_000_000
        rows = self._rows(
            "SELECT trace_id FROM traces WHERE request_id = ? AND start <= ? AND finish >= ?"
            " ORDER BY abs(finish - ?) LIMIT 1",
            (line.request_id, line.time + slack, line.time - slack, line.time),
        )
        return str(rows[0][0]) if line.request_id and rows else ""

    def processes(self) -> list[str]:
        """Return the names of the processes that have logged."""
        return [row[0] for row in self._rows("SELECT DISTINCT process FROM logs ORDER BY process")]

    def samples(
        self, since: int, service: str = "", *, most: int = 180, until: int | None = None
    ) -> list[Sample]:
        """Return the samples from `since` to `until`, by default now. They are in the order of time.

        Of each service, about `most` samples are returned, at even distances.
        """
        until = time.time_ns() if until is None else until
        step = max(1, (until - since) // most)
        rows = self._rows(
            # SQLite takes the other columns from the row with the maximum.
            "SELECT max(time) AS time, service, data FROM samples"
            " WHERE time BETWEEN ? AND ? AND (? = '' OR service = ?)"
            " GROUP BY service, time / ? ORDER BY time",
            (since, until, service, service, step),
        )
        return [
            Sample(row["time"], row["service"], json.loads(zlib.decompress(row["data"])))
            for row in rows
        ]

    def statements(self, limit: int) -> list[Statement]:
        """Return the SQL statements that took the longest in all."""
        rows = self._rows("SELECT * FROM statements ORDER BY total DESC LIMIT ?", (limit,))
        return [Statement(*row) for row in rows]

    def calls(self, since: int) -> dict[tuple[str, str], tuple[int, int]]:
        """Return the calls between services since then: the caller and the called with count and failures.

        A call to a cat has the cat as `cat`.
        """
        rows = self._rows(
            "SELECT spans.service, json_extract(attributes, '$.\"peer.service\"'), count(*), sum(spans.failed)"
            " FROM traces JOIN spans USING (trace_id)"
            " WHERE traces.start >= ? AND kind = 3 AND attributes LIKE '%peer.service%' GROUP BY 1, 2",
            (since,),
        )
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}

    def positions(self) -> dict[str, tuple[int, int]]:
        """Return how far each log file has been read: its inode and the position."""
        return {row[0]: (row[1], row[2]) for row in self._rows("SELECT * FROM positions")}

    def size(self) -> int:
        """Return how many bytes the data takes."""
        with closing(open_for_reading(self.path)) as connection:
            return used_bytes(connection)

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        with closing(open_for_reading(self.path)) as connection:
            return connection.execute(query, values).fetchall()


def nanoseconds_ago(seconds: float) -> int:
    """Return the time that was so many seconds ago."""
    return time.time_ns() - int(seconds * 1e9)


def _trace_conditions(wanted: TraceFilter) -> tuple[list[str], list[object]]:
    conditions: list[str] = ["1"]
    values: list[object] = []

    def add(condition: str, *arguments: object) -> None:
        conditions.append(condition)
        values.extend(arguments)

    if wanted.service:
        add("instr(services, ?)", f"{SEPARATOR}{wanted.service}{SEPARATOR}")
    if wanted.route:
        add("instr(lower(routes || name), lower(?))", wanted.route)
    if wanted.status == "failed":
        add("(failed > 0 OR status >= 500)")
    elif wanted.status.endswith("xx"):
        add("status / 100 = ?", _number(wanted.status[:-2]))
    elif wanted.status:
        add("status = ?", _number(wanted.status))
    if wanted.longer_than:
        add("finish - start >= ?", int(wanted.longer_than * 1e6))
    if wanted.request:
        add("request_id >= ? AND request_id < ?", wanted.request, f"{wanted.request}\U0010ffff")
    if wanted.person:
        add("person = ?", wanted.person)
    if wanted.installation:
        add("installation = ?", wanted.installation)
    if wanted.since:
        add("start >= ?", wanted.since)
    if wanted.before:
        add("start < ?", wanted.before)
    return conditions, values


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1


def _trace_row(row: sqlite3.Row) -> TraceRow:
    services = tuple(filter(None, row["services"].split(SEPARATOR)))
    return TraceRow(
        *(row["trace_id"], row["start"], row["finish"], row["name"], row["service"], row["status"]),
        *(
            row["spans"],
            row["failed"],
            services,
            row["request_id"],
            row["person"],
            row["installation"],
        ),
    )


def _log_line(row: sqlite3.Row) -> LogLine:
    return LogLine(
        *(
            row["time"],
            row["process"],
            row["level"],
            row["message"],
            row["request_id"],
            row["trace_id"],
        ),
        json.loads(row["fields"]),
    )
