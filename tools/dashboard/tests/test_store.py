import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cathouse_dashboard.records import Sample
from cathouse_dashboard.store import writer as writer_module
from cathouse_dashboard.store.queries import LogFilter, Queries, TraceFilter
from cathouse_dashboard.store.runs import KEPT_RUNS, forget_old_runs, run_path, runs
from cathouse_dashboard.store.schema import open_for_writing, used_bytes
from cathouse_dashboard.store.writer import DISK, QUEUE_FULL, Writer, prune

from .support import MS, NOW, REQUEST, TRACE, line, span, stored

ALL = TraceFilter()


def test_a_trace_is_summarized_whatever_order_its_spans_arrive_in(tmp_path: Path) -> None:
    root = span(
        attributes={
            "http.route": "/things/{id}",
            "request.id": REQUEST,
            "http.response.status_code": 200,
        }
    )
    call = span(span_id="2" * 16, parent_id=root.span_id, name="GET", kind=3, start=NOW + MS)
    inner = span(
        span_id="3" * 16,
        parent_id=call.span_id,
        service="auth",
        name="GET /me",
        start=NOW + 2 * MS,
        duration=20 * MS,
        failed=True,
        attributes={"http.route": "/me", "enduser.id": "ada"},
    )
    for number, order in enumerate(((root, call, inner), (inner, call, root))):
        folder = tmp_path / str(number)
        writer = Writer(folder / "run-x.sqlite3")
        writer.start()
        for each in order:
            writer.add_spans([each], 1)
        writer.stop()
        (trace,) = Queries(writer.path).traces(ALL, 10)
        assert (trace.name, trace.service, trace.status) == ("GET /things/{id}", "proxy", 200)
        assert (trace.start, trace.finish) == (NOW, NOW + 22 * MS)
        assert (trace.spans, trace.failed) == (3, 1)
        assert set(trace.services) == {"proxy", "auth"}
        assert (trace.request_id, trace.person) == (REQUEST, "ada")


def test_a_batch_that_is_sent_twice_counts_once(tmp_path: Path) -> None:
    query = span(attributes={"db.query.text": "select 1"})
    queries = stored(tmp_path, query, query)
    (trace,) = queries.traces(ALL, 10)
    (statement,) = queries.statements(10)
    assert (trace.spans, statement.calls) == (1, 1)
    queries = stored(tmp_path, query)
    (trace,) = queries.traces(ALL, 10)
    assert trace.spans == 1


def trace_ids(queries: Queries, **wanted: object) -> set[str]:
    return {trace.trace_id[0] for trace in queries.traces(TraceFilter(**wanted), 10)}  # type: ignore[arg-type]


def test_a_gateway_names_a_trace_only_where_no_service_does(tmp_path: Path) -> None:
    gateway = span(service="gateway", name="gateway", attributes={"http.method": "GET"})
    service = span(
        span_id="2" * 16,
        parent_id=gateway.span_id,
        start=NOW + MS,
        attributes={"http.route": "/things/{id}", "http.response.status_code": 200},
    )
    refused = span(
        trace_id="2" * 32,
        service="gateway",
        name="gateway",
        attributes={"http.response.status_code": 404},
    )
    for number, order in enumerate(((gateway, service, refused), (refused, service, gateway))):
        named = {
            trace.trace_id: (trace.name, trace.service, trace.status)
            for trace in stored(tmp_path / str(number), *order).traces(ALL, 10)
        }
        assert named == {
            service.trace_id: ("GET /things/{id}", "proxy", 200),
            refused.trace_id: ("gateway", "gateway", 404),
        }


def test_traces_are_filtered(tmp_path: Path) -> None:
    one = span(
        trace_id="1" * 32, attributes={"http.route": "/cats/{id}", "http.response.status_code": 404}
    )
    two = span(trace_id="2" * 32, service="auth", failed=True, duration=90 * MS)
    three = span(
        trace_id="3" * 32,
        start=NOW + 5,
        attributes={
            "request.id": REQUEST,
            "enduser.id": "ada",
            "installation.id": "7",
        },
    )
    queries = stored(tmp_path, one, two, three)
    assert trace_ids(queries) == {"1", "2", "3"}
    assert trace_ids(queries, service="auth") == {"2"}
    assert trace_ids(queries, service="aut") == set()
    assert trace_ids(queries, route="/CATS") == {"1"}
    assert trace_ids(queries, status="404") == {"1"}
    assert trace_ids(queries, status="4xx") == {"1"}
    assert trace_ids(queries, status="failed") == {"2"}
    assert trace_ids(queries, status="no such") == set()
    assert trace_ids(queries, longer_than=50) == {"2"}
    assert trace_ids(queries, request=REQUEST[:6]) == {"3"}
    assert trace_ids(queries, person="ada") == {"3"}
    assert trace_ids(queries, installation="7") == {"3"}
    assert trace_ids(queries, since=NOW + 5) == {"3"}
    assert trace_ids(queries, before=NOW + 5) == {"1", "2"}
    assert queries.traces(TraceFilter(slowest=True), 1)[0].trace_id[0] == "2"
    assert queries.traces(ALL, 1)[0].trace_id[0] == "3"
    assert queries.count_traces(TraceFilter(before=NOW + 5)) == 2


def test_log_lines_are_filtered_and_lead_to_their_trace(tmp_path: Path) -> None:
    queries = stored(
        tmp_path,
        span(attributes={"request.id": REQUEST}),
        lines=(
            line("first", request_id=REQUEST, time=NOW + 2 * MS),
            line("Second", level=5, process="auth", fields={"colour": "red"}),
            line("long ago", request_id=REQUEST, time=NOW - 3600 * 10**9),
        ),
    )

    def messages(**wanted: object) -> list[str]:
        return [found.message for _, found in queries.logs(LogFilter(**wanted), 10)]  # type: ignore[arg-type]

    assert messages() == ["long ago", "Second", "first"]
    assert messages(process="auth") == messages(level=4) == messages(text="sec") == ["Second"]
    assert messages(text="RED") == ["Second"]
    assert messages(request=REQUEST[:5]) == ["long ago", "first"]
    trace = queries.find_trace(TRACE)
    assert trace is not None
    assert [found.message for found in queries.logs_of_trace(trace)] == ["first"]
    by_message = {found.message: found for _, found in queries.logs(LogFilter(), 10)}
    assert queries.trace_of_line(by_message["first"]) == TRACE
    assert queries.trace_of_line(by_message["Second"]) == ""
    assert queries.trace_of_line(by_message["long ago"]) == ""


def test_calls_between_services_are_counted(tmp_path: Path) -> None:
    calls = [
        span(span_id=f"{n:016x}", kind=3, failed=n == 1, attributes={"peer.service": "auth"})
        for n in (1, 2)
    ]
    assert stored(tmp_path, *calls).calls(0) == {("proxy", "auth"): (2, 1)}


def test_samples_of_a_long_time_are_thinned(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "run-x.sqlite3")
    writer.start()
    writer.add_samples([Sample(NOW - n * 10**9, "auth", {"up": n}) for n in range(100)])
    writer.stop()
    queries = Queries(writer.path)
    assert len(queries.samples(NOW - 100 * 10**9, most=1000, until=NOW)) == 100
    thinned = queries.samples(NOW - 100 * 10**9, "auth", most=10, until=NOW)
    assert 9 <= len(thinned) <= 12
    assert [sample.time for sample in thinned] == sorted(sample.time for sample in thinned)
    assert queries.samples(0, "proxy") == []


def test_the_file_stays_within_its_bytes_and_keeps_the_newest(tmp_path: Path) -> None:
    limit = 4 * 1024 * 1024
    writer = Writer(tmp_path / "run-x.sqlite3", max_bytes=limit)
    writer.start()
    for batch in range(12):
        spans = [
            span(
                trace_id=f"{batch * 1000 + n:032x}",
                start=NOW + batch * 1000 + n,
                attributes={"text": "x" * 900},
            )
            for n in range(1000)
        ]
        writer.add_spans(spans, 1)
        # Each batch is written on its own.
        while writer.written + sum(writer.lost.values()) < (batch + 1) * 1000:
            pass
    writer.stop()
    assert writer.path.stat().st_size <= limit
    assert (writer.lost, writer.problem) == ({}, None)
    newest = Queries(writer.path).traces(ALL, 1)
    assert newest[0].trace_id == f"{11999:032x}"
    assert writer.problem is None


def test_rows_beyond_their_number_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "MAX_LOG_ROWS", 100)
    queries = stored(tmp_path, lines=tuple(line(str(n)) for n in range(300)))
    found = queries.logs(LogFilter(), 1000)
    assert len(found) <= 100
    assert found[0][1].message == "299"


def test_pruning_takes_the_oldest_traces_with_their_spans(tmp_path: Path) -> None:
    queries = stored(tmp_path, *(span(trace_id=f"{n:032x}", start=NOW + n) for n in range(10)))
    connection = open_for_writing(queries.path, 1024 * 1024)
    prune(connection, everything=True)
    assert connection.execute("SELECT count(*) FROM spans").fetchone() == (8,)
    assert used_bytes(connection) > 0
    connection.close()
    assert {trace.trace_id for trace in queries.traces(ALL, 10)} == {
        f"{n:032x}" for n in range(2, 10)
    }


def test_what_cannot_be_written_is_counted_and_the_writer_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "telemetry"
    folder.write_text("in the way")
    writer = Writer(folder / "run-x.sqlite3")
    writer.start()
    writer.add_spans([span()], 1)
    while not writer.lost:
        pass
    assert writer.lost == {DISK: 1}
    assert str(folder) in (writer.problem or "")
    folder.unlink()
    writer.add_spans([span(), span(span_id="2" * 16)], 1)
    writer.stop()
    assert writer.problem is None
    assert Queries(writer.path).traces(ALL, 10)[0].spans == 2


def test_a_queue_that_is_full_drops_and_counts(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "run-x.sqlite3", max_queue_bytes=100)
    assert writer.add_spans([span()], 60)
    assert not writer.add_spans([span(), span()], 60)
    assert writer.lost == {QUEUE_FULL: 2}
    writer.start()
    writer.stop()
    assert Queries(writer.path).traces(ALL, 10)[0].spans == 1
    # It is known after a restart of the dashboard, too.
    again = Writer(writer.path)
    again.start()
    again.add_spans([span(span_id="2" * 16)], 1)
    again.stop()
    assert again.lost == {QUEUE_FULL: 2}


def test_the_last_runs_are_kept(tmp_path: Path) -> None:
    paths = [run_path(tmp_path, datetime(2026, 11, 26, hour, tzinfo=UTC)) for hour in range(8)]
    for path in paths:
        path.touch()
        path.with_name(f"{path.name}-wal").touch()
    forget_old_runs(tmp_path, paths[-1])
    assert runs(tmp_path) == list(reversed(paths[-KEPT_RUNS:]))
    assert len(os.listdir(tmp_path)) == 2 * KEPT_RUNS


def test_reading_a_run_that_is_absent_raises_and_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.Error):
        Queries(tmp_path / "run-x.sqlite3").traces(ALL, 1)
    assert not list(tmp_path.iterdir())
