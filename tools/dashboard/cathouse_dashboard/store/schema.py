"""The tables of a run's file, and how it is opened."""

import sqlite3
from pathlib import Path

# Only tables of short rows are WITHOUT ROWID: there, a row of a kilobyte would take a page of its own.
_TABLES = """
CREATE TABLE IF NOT EXISTS spans (
    trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_id TEXT NOT NULL, service TEXT NOT NULL,
    name TEXT NOT NULL, kind INTEGER NOT NULL, start INTEGER NOT NULL, duration INTEGER NOT NULL,
    failed INTEGER NOT NULL, attributes TEXT NOT NULL, events TEXT NOT NULL,
    PRIMARY KEY (trace_id, span_id)
);
-- One row a trace, so that a list of traces reads no span.
CREATE TABLE IF NOT EXISTS traces (
    trace_id TEXT PRIMARY KEY, start INTEGER NOT NULL, finish INTEGER NOT NULL,
    name_rank INTEGER NOT NULL, name TEXT NOT NULL, service TEXT NOT NULL, status INTEGER,
    spans INTEGER NOT NULL, failed INTEGER NOT NULL, services TEXT NOT NULL, routes TEXT NOT NULL,
    request_id TEXT NOT NULL, person TEXT NOT NULL, installation TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS traces_by_start ON traces (start);
CREATE INDEX IF NOT EXISTS traces_by_request ON traces (request_id);
CREATE TABLE IF NOT EXISTS statements (
    service TEXT NOT NULL, text TEXT NOT NULL, calls INTEGER NOT NULL, failed INTEGER NOT NULL,
    total INTEGER NOT NULL, longest INTEGER NOT NULL, slowest_trace TEXT NOT NULL,
    PRIMARY KEY (service, text)
);
CREATE TABLE IF NOT EXISTS logs (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, process TEXT NOT NULL, level INTEGER NOT NULL,
    message TEXT NOT NULL, request_id TEXT NOT NULL, trace_id TEXT NOT NULL, fields TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS logs_by_time ON logs (time);
CREATE INDEX IF NOT EXISTS logs_by_request ON logs (request_id);
CREATE TABLE IF NOT EXISTS samples (
    time INTEGER NOT NULL, service TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (time, service)
);
-- How far each log file has been read.
CREATE TABLE IF NOT EXISTS positions (
    path TEXT PRIMARY KEY, inode INTEGER NOT NULL, position INTEGER NOT NULL
) WITHOUT ROWID;
-- What was lost, and why, by reason.
CREATE TABLE IF NOT EXISTS lost (reason TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
"""

_WAIT_SECONDS = 2.0


def open_for_writing(path: Path, max_bytes: int) -> sqlite3.Connection:
    """Open a run's file, and create it where it is absent. It never grows beyond `max_bytes`.

    Raises `sqlite3.Error` and `OSError`.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # One thread opens it, another one writes: one at a time.
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")  # a crash of the machine may lose it
        connection.execute(f"PRAGMA max_page_count = {max_bytes // page_bytes(connection)}")
        connection.execute(f"PRAGMA journal_size_limit = {max_bytes // 8}")
        connection.executescript(_TABLES)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a run's file. Raises `sqlite3.Error` where it is absent."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT_SECONDS
    )
    connection.row_factory = sqlite3.Row
    return connection


def page_bytes(connection: sqlite3.Connection) -> int:
    """Return the size of a page of the file."""
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int(size)


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return how many bytes of the file hold data; pages that are free again do not count."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return int(pages - free) * page_bytes(connection)
