"""The one writer of a run's file: a thread with a queue, so that nothing of a request waits for the disk."""

import json
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from cathouse_dashboard.records import LogLine, Sample, Span
from cathouse_dashboard.store.runs import forget_old_runs
from cathouse_dashboard.store.schema import open_for_writing, used_bytes
from cathouse_dashboard.store.summaries import summarize_statements, summarize_traces

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_QUEUE_BYTES = 48 * 1024 * 1024
"""Received but not written yet. Beyond it, spans and lines are dropped and counted."""
MAX_LOG_ROWS = 100_000
MAX_SAMPLE_ROWS = 4 * 12 * 60 * 12
"""Twelve hours of four services, one sample each five seconds."""
_MAX_STATEMENTS = 2_000
_PRUNE_ABOVE, _PRUNE_TO = 0.75, 0.6
_PRUNED_SHARE = 0.2
_WAKE_SECONDS = 2.0
_BATCH_SECONDS = 0.2

_INSERT_SPAN = "INSERT OR IGNORE INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_LOG = (
    "INSERT INTO logs (time, process, level, message, request_id, trace_id, fields)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_ADD_LOST = "INSERT INTO lost VALUES (?, ?) ON CONFLICT (reason) DO UPDATE SET count = count + excluded.count"

QUEUE_FULL = "more arrived than could be written"
DISK = "the file could not be written"

Position = tuple[str, int, int]
"""A log file's path, its inode, and how far it has been read."""


class Writer:
    """Writes batches in a thread of its own.

    A batch that cannot be written, as on a full disk, is dropped and counted; `problem` then says why, until a later
    one can be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int = MAX_FILE_BYTES,
        max_queue_bytes: int = MAX_QUEUE_BYTES,
    ) -> None:
        self.path = path
        self.problem: str | None = None
        self.lost: dict[str, int] = {}
        """The number of records that were lost in this run, by reason."""
        self.written = 0
        self.samples_written = 0
        self.on_written: Callable[[set[str]], object] = lambda topics: None
        """It is called in the writer's thread with the topics that have changed."""
        self._max_bytes = max_bytes
        self._max_queue_bytes = max_queue_bytes
        self._queue = _Queue()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._connection: sqlite3.Connection | None = None
        self._unsaved_losses: dict[str, int] = {}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued, and end the thread."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    @property
    def queued_bytes(self) -> int:
        return self._queue.bytes

    def add_spans(self, spans: Sequence[Span], size: int) -> bool:
        """Queue spans that took `size` bytes on their way here. Return whether there was room for them."""
        if not self._make_room(size, len(spans)):
            return False
        with self._lock:
            self._queue.spans.extend(spans)
        self._wake.set()
        return True

    def add_logs(self, lines: Sequence[LogLine], positions: Iterable[Position], size: int) -> None:
        """Queue lines of log files, and how far these have been read."""
        room = self._make_room(size, len(lines))
        with self._lock:
            if room:
                self._queue.logs.extend(lines)
            self._queue.positions.update({position[0]: position for position in positions})
        self._wake.set()

    def add_samples(self, samples: Sequence[Sample]) -> None:
        with self._lock:
            self._queue.samples.extend(samples)
        self._wake.set()

    def lose(self, count: int, reason: str) -> None:
        """Count records that are lost."""
        if count == 0:
            return
        with self._lock:
            self.lost[reason] = self.lost.get(reason, 0) + count
            self._unsaved_losses[reason] = self._unsaved_losses.get(reason, 0) + count

    def _make_room(self, size: int, count: int) -> bool:
        with self._lock:
            room = self._queue.bytes + size <= self._max_queue_bytes
            if room:
                self._queue.bytes += size
        if not room:
            self.lose(count, QUEUE_FULL)
        return room

    def _run(self) -> None:
        # Pages of an empty run read an empty file.
        self._write(_Queue())
        while not (self._stopping and self._queue.empty):
            self._wake.wait(timeout=_WAKE_SECONDS)
            self._wake.clear()
            with self._lock:
                batch, self._queue = self._queue, _Queue(self._queue.bytes)
            if not batch.empty:
                self._write(batch)
                with self._lock:
                    self._queue.bytes = max(0, self._queue.bytes - batch.bytes)
                # Many small batches would cost more than one large one.
                if not self._stopping:
                    threading.Event().wait(_BATCH_SECONDS)
        if self._connection is not None:
            self._connection.close()

    def _write(self, batch: "_Queue") -> None:
        try:
            connection = self._open()
            self._make_room_in_file(connection)
            with connection:
                self._write_batch(connection, batch)
            prune(connection, everything=False)
        except (sqlite3.Error, OSError) as error:
            self.problem = f"{self.path}: {error}"
            self.lose(batch.count, DISK)
            self._recover()
            # Every page says so.
            self.on_written({"traces", "logs", "metrics"})
            return
        self.problem = None
        self.written += batch.count
        self.samples_written += len(batch.samples)
        self.on_written(batch.topics)

    def _make_room_in_file(self, connection: sqlite3.Connection) -> None:
        if used_bytes(connection) <= _PRUNE_ABOVE * self._max_bytes:
            return
        while (used := used_bytes(connection)) > _PRUNE_TO * self._max_bytes:
            prune(connection, everything=True)
            if used_bytes(connection) >= used:
                break

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_for_writing(self.path, self._max_bytes)
            rows = self._connection.execute("SELECT reason, count FROM lost").fetchall()
            with self._lock:
                for reason, count in rows:
                    self.lost[reason] = self.lost.get(reason, 0) + count
            forget_old_runs(self.path.parent, self.path)
        return self._connection

    def _recover(self) -> None:
        """Make room where the file is full; where it is broken or gone, the next batch opens it again."""
        if self._connection is None:
            return
        try:
            if not self.path.exists():
                raise sqlite3.OperationalError("the file is gone")
            prune(self._connection, everything=True)
        except sqlite3.Error:
            self._connection.close()
            self._connection = None

    def _write_batch(self, connection: sqlite3.Connection, batch: "_Queue") -> None:
        spans = _new_spans(connection, batch.spans)
        connection.executemany(_INSERT_SPAN, map(_span_row, spans))
        summarize_traces(connection, spans)
        summarize_statements(connection, spans)
        connection.executemany(_INSERT_LOG, map(_log_row, batch.logs))
        connection.executemany(
            "INSERT OR IGNORE INTO samples VALUES (?, ?, ?)", map(_sample_row, batch.samples)
        )
        connection.executemany(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", batch.positions.values()
        )
        with self._lock:
            losses, self._unsaved_losses = self._unsaved_losses, {}
        connection.executemany(_ADD_LOST, losses.items())


def prune(connection: sqlite3.Connection, *, everything: bool) -> None:
    """Delete the oldest rows of tables that have too many; with `everything`, the oldest fifth of each table."""
    with connection:
        if everything:
            (count,) = connection.execute("SELECT count(*) FROM traces").fetchone()
            _delete_oldest_traces(connection, max(1, int(count * _PRUNED_SHARE)))
        for table, order, limit in (
            ("logs", "id", MAX_LOG_ROWS),
            ("samples", "time", MAX_SAMPLE_ROWS),
        ):
            _prune_table(connection, table, order, limit, everything=everything)
        connection.execute(
            "DELETE FROM statements WHERE (service, text) IN"
            " (SELECT service, text FROM statements ORDER BY total DESC LIMIT -1 OFFSET ?)",
            (_MAX_STATEMENTS,),
        )


def _prune_table(
    connection: sqlite3.Connection, table: str, order: str, limit: int, *, everything: bool
) -> None:
    (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    excess = int(count * _PRUNED_SHARE) if everything else count - limit
    # Some at a time, so that it is not done with each batch.
    if excess > (0 if everything else limit * 0.1):
        connection.execute(
            f"DELETE FROM {table} WHERE {order} <= (SELECT {order} FROM {table} ORDER BY {order} LIMIT 1 OFFSET ?)",  # noqa: S608
            (excess,),
        )


def _delete_oldest_traces(connection: sqlite3.Connection, count: int) -> None:
    oldest = connection.execute(
        "SELECT trace_id FROM traces ORDER BY start LIMIT ?", (count,)
    ).fetchall()
    connection.executemany("DELETE FROM spans WHERE trace_id = ?", oldest)
    connection.executemany("DELETE FROM traces WHERE trace_id = ?", oldest)


class _Queue:
    def __init__(self, size: int = 0) -> None:
        self.spans: list[Span] = []
        self.logs: list[LogLine] = []
        self.samples: list[Sample] = []
        self.positions: dict[str, Position] = {}
        self.bytes = size

    @property
    def count(self) -> int:
        return len(self.spans) + len(self.logs) + len(self.samples)

    @property
    def empty(self) -> bool:
        return self.count == 0 and not self.positions

    @property
    def topics(self) -> set[str]:
        parts = {"traces": self.spans, "logs": self.logs, "metrics": self.samples}
        return {topic for topic, records in parts.items() if records}


def _new_spans(connection: sqlite3.Connection, spans: Sequence[Span]) -> list[Span]:
    """Leave out spans that are stored already: an exporter repeats a batch whose response it has not seen."""
    by_key = {(span.trace_id, span.span_id): span for span in spans}
    known = [
        key
        for key in by_key
        if connection.execute(
            "SELECT 1 FROM spans WHERE trace_id = ? AND span_id = ?", key
        ).fetchone()
    ]
    for key in known:
        del by_key[key]
    return list(by_key.values())


def _span_row(span: Span) -> tuple[object, ...]:
    return (
        *(span.trace_id, span.span_id, span.parent_id, span.service, span.name, span.kind),
        *(span.start, span.duration, int(span.failed)),
        json.dumps(span.attributes, separators=(",", ":")),
        json.dumps(span.events, separators=(",", ":")) if span.events else "[]",
    )


def _log_row(line: LogLine) -> tuple[object, ...]:
    fields = json.dumps(line.fields, default=str)
    return (
        line.time,
        line.process,
        line.level,
        line.message,
        line.request_id,
        line.trace_id,
        fields,
    )


def _sample_row(sample: Sample) -> tuple[object, ...]:
    return (sample.time, sample.service, zlib.compress(json.dumps(sample.values).encode(), 1))
