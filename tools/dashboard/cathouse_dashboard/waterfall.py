"""The waterfall of a trace: its spans as a tree, with log lines at the place where they were written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cathouse_dashboard.records import CLIENT, SERVER, LogLine, Span

WIDTH = 1000.0
_MAX_DEPTH = 100


@dataclass(slots=True)
class Row:
    """One span, or one log line below a span."""

    depth: int
    start: float
    """The begin of the bar, between 0 and `WIDTH`."""
    width: float
    span: Span | None = None
    line: LogLine | None = None
    after: int = 0
    """Nanoseconds since the trace began."""

    @property
    def kind(self) -> str:
        """`sql`, `call`, `request`, `log` or `work`."""
        if self.span is None:
            return "log"
        if "db.query.text" in self.span.attributes:
            return "sql"
        return {SERVER: "request", CLIENT: "call"}.get(self.span.kind, "work")


@dataclass(slots=True)
class _Node:
    span: Span
    children: list["_Node"] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)


def rows(spans: Sequence[Span], lines: Sequence[LogLine]) -> list[Row]:
    """Return the rows of a trace from top to bottom. A span whose parent is absent stands at the top."""
    if not spans:
        return []
    begin = min(span.start for span in spans)
    total = max(1, max(span.finish for span in spans) - begin)
    nodes = {span.span_id: _Node(span) for span in spans}
    roots = []
    for node in nodes.values():
        parent = nodes.get(node.span.parent_id)
        if parent is None or parent is node:
            roots.append(node)
        else:
            parent.children.append(node)
    for line in lines:
        _place(line, list(nodes.values())).lines.append(line)
    found = [row for root in roots for row in _walk(root, 0, begin, total)]
    shown = {row.span.span_id for row in found if row.span}
    # These spans form a cycle, or are too deep to draw.
    rest = [span for span in spans if span.span_id not in shown]
    return found + [_row(0, span.start, span.duration, begin, total, span=span) for span in rest]


def _place(line: LogLine, nodes: Sequence[_Node]) -> _Node:
    """Return the node below which a line stands: the innermost span of its service that was open at its time."""
    # The line has milliseconds only, and the line of a request is written as its span ends.
    slack = 1_000_000
    own = [node for node in nodes if node.span.service == line.process]
    around = [
        node
        for node in own
        if node.span.start - slack <= line.time <= node.span.finish + slack
        and node.span.kind == SERVER
    ]
    if around:
        return min(around, key=lambda node: node.span.duration)
    return min(own or nodes, key=lambda node: abs(node.span.finish - line.time))


def _walk(node: _Node, depth: int, begin: int, total: int) -> Iterator[Row]:
    span = node.span
    yield _row(depth, span.start, span.duration, begin, total, span=span)
    if depth >= _MAX_DEPTH:
        return
    below: list[tuple[int, _Node | LogLine]] = [
        *((child.span.start, child) for child in node.children),
        *((line.time, line) for line in node.lines),
    ]
    for time, item in sorted(below, key=lambda pair: pair[0]):
        if isinstance(item, LogLine):
            yield _row(depth + 1, time, 0, begin, total, line=item)
        else:
            yield from _walk(item, depth + 1, begin, total)


def _row(
    depth: int,
    start: int,
    duration: int,
    begin: int,
    total: int,
    *,
    span: Span | None = None,
    line: LogLine | None = None,
) -> Row:
    left = min(max((start - begin) / total, 0.0), 1.0) * WIDTH
    width = max(duration / total * WIDTH, 2.0)
    return Row(depth, min(left, WIDTH - 2.0), width, span, line, max(0, start - begin))
