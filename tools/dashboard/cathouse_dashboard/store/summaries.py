"""The rows that summarize spans: one a trace, one a SQL statement."""

import sqlite3
from collections.abc import Iterable, Sequence

from cathouse_dashboard.records import SERVER, Span

REQUEST_ID = "request.id"
PERSON = "enduser.id"
INSTALLATION = "installation.id"
STATEMENT = "db.query.text"

_COLUMNS = (
    "trace_id",
    "start",
    "finish",
    "name_rank",
    "name",
    "service",
    "status",
    "spans",
    "failed",
    "services",
    "routes",
    "request_id",
    "person",
    "installation",
)
_REPLACE = f"INSERT OR REPLACE INTO traces VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_ADD_STATEMENT = """
INSERT INTO statements VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (service, text) DO UPDATE SET
    calls = calls + excluded.calls, failed = failed + excluded.failed, total = total + excluded.total,
    slowest_trace = CASE WHEN excluded.longest > longest THEN excluded.slowest_trace ELSE slowest_trace END,
    longest = max(longest, excluded.longest)
"""
# A trace is named by its span of the lowest rank: that without a parent, else the earliest one. A server span without a
# route, such as the gateway's, names a trace only if there is no other.
_ROOT = 0
_WITHOUT_ROUTE = 2**63 - 2
_NO_SPAN = 2**63 - 1
# Each item is between two separators, so that one search by LIKE finds a whole item.
SEPARATOR = "\n"


def summarize_traces(connection: sqlite3.Connection, spans: Sequence[Span]) -> None:
    """Bring the rows of these spans' traces up to date. The spans are new."""
    by_trace: dict[str, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    rows = []
    for trace_id, members in by_trace.items():
        found = connection.execute(
            "SELECT * FROM traces WHERE trace_id = ?", (trace_id,)
        ).fetchone()
        row = dict(zip(_COLUMNS, found, strict=True)) if found else _empty(trace_id, members[0])
        for span in members:
            _add(row, span)
        rows.append(tuple(row[column] for column in _COLUMNS))
    connection.executemany(_REPLACE, rows)


def summarize_statements(connection: sqlite3.Connection, spans: Iterable[Span]) -> None:
    """Add the durations of SQL statements to those of the same text."""
    found: dict[tuple[str, str], list[Span]] = {}
    for span in spans:
        if text := span.attributes.get(STATEMENT):
            found.setdefault((span.service, str(text)), []).append(span)
    rows = []
    for (service, text), members in found.items():
        slowest = max(members, key=lambda span: span.duration)
        failed = sum(span.failed for span in members)
        total = sum(span.duration for span in members)
        rows.append(
            (service, text, len(members), failed, total, slowest.duration, slowest.trace_id)
        )
    connection.executemany(_ADD_STATEMENT, rows)


def _empty(trace_id: str, span: Span) -> dict[str, object]:
    return {
        "trace_id": trace_id,
        "start": span.start,
        "finish": span.finish,
        "name_rank": _NO_SPAN,
        "name": span.name,
        "service": span.service,
        "status": None,
        "spans": 0,
        "failed": 0,
        "services": SEPARATOR,
        "routes": SEPARATOR,
        "request_id": "",
        "person": "",
        "installation": "",
    }


def _add(row: dict[str, object], span: Span) -> None:
    attributes = span.attributes
    row["start"] = min(int(str(row["start"])), span.start)
    row["finish"] = max(int(str(row["finish"])), span.finish)
    row["spans"] = int(str(row["spans"])) + 1
    row["failed"] = int(str(row["failed"])) + span.failed
    _add_item(row, "services", span.service)
    if span.kind == SERVER:
        _add_item(row, "routes", str(attributes.get("http.route", "")))
    if (rank := _name_rank(span)) < int(str(row["name_rank"])):
        row["name_rank"] = rank
        row["name"], row["service"] = span.name, span.service
        row["status"] = attributes.get("http.response.status_code")
    for column, name in (
        ("request_id", REQUEST_ID),
        ("person", PERSON),
        ("installation", INSTALLATION),
    ):
        row[column] = row[column] or str(attributes.get(name, ""))


def _name_rank(span: Span) -> int:
    if span.kind == SERVER and "http.route" not in span.attributes:
        return _WITHOUT_ROUTE
    return span.start if span.parent_id else _ROOT


def _add_item(row: dict[str, object], column: str, item: str) -> None:
    text = str(row[column])
    if item and f"{SEPARATOR}{item}{SEPARATOR}" not in text:
        row[column] = f"{text}{item}{SEPARATOR}"
