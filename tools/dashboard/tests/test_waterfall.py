from cathouse_dashboard import architecture, waterfall

from .support import MS, NOW, SERVICES, line, span

ROOT = span(duration=100 * MS)
CALL = span(span_id="2" * 16, parent_id=ROOT.span_id, kind=3, start=NOW + 10 * MS, duration=60 * MS)
INNER = span(
    span_id="3" * 16, parent_id=CALL.span_id, service="auth", start=NOW + 20 * MS, duration=40 * MS
)
SQL = span(
    span_id="4" * 16,
    parent_id=INNER.span_id,
    service="auth",
    kind=3,
    start=NOW + 30 * MS,
    duration=5 * MS,
    attributes={"db.query.text": "SELECT 1"},
)


def shape(rows: list[waterfall.Row]) -> list[tuple[int, str, str]]:
    return [
        (
            row.depth,
            row.kind,
            row.span.service if row.span else row.line.message if row.line else "",
        )
        for row in rows
    ]


def test_spans_are_a_tree_with_log_lines_where_they_were_written() -> None:
    lines = [
        line("of auth", process="auth", time=NOW + 50 * MS),
        line("of proxy", process="proxy", time=NOW + 90 * MS),
        line("before the query", process="auth", time=NOW + 25 * MS),
    ]
    rows = waterfall.rows([SQL, INNER, CALL, ROOT], lines)
    assert shape(rows) == [
        (0, "request", "proxy"),
        (1, "call", "proxy"),
        (2, "request", "auth"),
        (3, "log", "before the query"),
        (3, "sql", "auth"),
        (3, "log", "of auth"),
        (1, "log", "of proxy"),
    ]
    assert (rows[1].start, rows[1].width, rows[1].after) == (100.0, 600.0, 10 * MS)


def test_a_span_whose_parent_is_not_here_stands_at_the_top() -> None:
    assert shape(waterfall.rows([INNER, SQL], [])) == [(0, "request", "auth"), (1, "sql", "auth")]


def test_spans_that_claim_to_be_their_own_parents_end_the_tree() -> None:
    own = span(parent_id="b7ad6b7169203331")
    assert shape(waterfall.rows([own], [])) == [(0, "request", "proxy")]
    one = span(span_id="1" * 16, parent_id="2" * 16)
    two = span(span_id="2" * 16, parent_id="1" * 16)
    assert len(waterfall.rows([ROOT, one, two], [])) == 3


def test_a_deep_trace_is_drawn() -> None:
    spans = [
        span(span_id=f"{n:016x}", parent_id=f"{n - 1:016x}" if n > 1 else "")
        for n in range(1, 2000)
    ]
    assert len(waterfall.rows(spans, [])) == len(spans)


def test_a_line_of_a_process_without_spans_is_still_shown() -> None:
    assert shape(waterfall.rows([ROOT], [line("elsewhere", process="tasks")]))[-1] == (
        1,
        "log",
        "elsewhere",
    )


def test_the_architecture_has_each_call_of_the_registry_with_its_rate() -> None:
    calls = {("proxy", "auth"): (120, 60), ("proxy", "cat 7"): (1, 0), ("proxy", "cat 8"): (1, 0)}
    picture = architecture.draw(SERVICES, calls, 60)
    assert [box.name for box in picture.boxes] == ["auth", "proxy", "cats"]
    assert {arrow.label for arrow in picture.arrows} == {"2/s, 50% failed", "2 calls"}
    assert [arrow.failing for arrow in picture.arrows] == [True, False]
    assert all(0 < arrow.y < picture.height for arrow in picture.arrows)
