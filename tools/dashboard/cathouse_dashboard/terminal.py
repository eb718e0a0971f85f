"""`make traces`: the traces of the last run in the terminal, and one of them as a tree."""

import argparse
import dataclasses
import json
import re
import time
from pathlib import Path

from cathouse_dashboard import waterfall
from cathouse_dashboard.formats import clock_text, duration_text, level_text
from cathouse_dashboard.settings import DashboardError
from cathouse_dashboard.store.queries import Queries, TraceFilter, TraceRow
from cathouse_dashboard.store.runs import runs

_AGE = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def show_traces(folder: Path, arguments: argparse.Namespace) -> int:
    """Print the selected traces. Return 1 if there is no such trace.

    Raises `DashboardError` where no run is stored, and `sqlite3.Error` where it cannot be read.
    """
    stored = runs(folder)
    if not stored:
        raise DashboardError(
            f"{folder} has no traces. Start the stack in another terminal: make up"
        )
    queries = Queries(stored[0])
    if arguments.trace:
        return _show_tree(queries, arguments.trace, as_json=arguments.json == "yes")
    wanted = TraceFilter(
        service=arguments.service,
        status=arguments.status,
        request=arguments.request,
        since=time.time_ns() - parse_age(arguments.since) * 10**9 if arguments.since else 0,
        slowest=arguments.order == "slowest",
    )
    found = queries.traces(wanted, arguments.limit)
    if arguments.json == "yes":
        for trace in found:
            print(json.dumps(dataclasses.asdict(trace)))
    elif found:
        print(
            f"{'began':<12}  {'duration':>9}  {'status':<6}  {'spans':>5}  {'trace':<32}  request"
        )
        for trace in found:
            print(_line(trace))
    else:
        print("no trace is like this")
    return 0


def parse_age(text: str) -> int:
    """Return an age such as `90s`, `15m`, `2h` or `1d` in seconds. Raises `DashboardError`."""
    found = _AGE.fullmatch(text)
    if found is None:
        raise DashboardError(f"SINCE={text}: give an age such as 90s, 15m, 2h or 1d")
    return int(found[1]) * _SECONDS[found[2]]


def _line(trace: TraceRow) -> str:
    status = "failed" if trace.failed and not trace.status else str(trace.status or "")
    return (
        f"{clock_text(trace.start):<12}  {duration_text(trace.duration):>9}  {status:<6}  {trace.spans:>5}"
        f"  {trace.trace_id}  {trace.service} {trace.name}"
    )


def _show_tree(queries: Queries, trace_id: str, *, as_json: bool) -> int:
    trace = queries.find_trace(trace_id)
    if trace is None:
        print(f"there is no trace {trace_id}")
        return 1
    spans = queries.spans(trace_id)
    lines = queries.logs_of_trace(trace)
    if as_json:
        tree = dataclasses.asdict(trace)
        tree["spans"] = [dataclasses.asdict(span) for span in spans]
        tree["logs"] = [dataclasses.asdict(line) for line in lines]
        print(json.dumps(tree))
        return 0
    print(f"trace {trace_id}, {duration_text(trace.duration)}, request {trace.request_id or '-'}")
    for row in waterfall.rows(spans, lines):
        indent = "  " * row.depth
        if row.span is not None:
            text = row.span.attributes.get("db.query.text", row.span.name)
            failed = "  FAILED" if row.span.failed else ""
            print(
                f"{duration_text(row.span.duration):>9}  {indent}{row.span.service}  {text}{failed}"
            )
        elif row.line is not None:
            print(f"{'':>9}  {indent}· {level_text(row.line.level)}  {row.line.message}")
    return 0
