"""Traces: the list, and the waterfall of one."""

import asyncio
from collections import defaultdict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cathouse_dashboard import waterfall
from cathouse_dashboard.dashboard import Dashboard, dashboard_of
from cathouse_dashboard.store.queries import MAX_SPANS_SHOWN, TraceFilter, nanoseconds_ago
from cathouse_dashboard.templating import minutes_of, page

ON_A_PAGE = 100


def routes() -> list[Route]:
    return [
        Route("/traces", _traces, methods=["GET"]),
        Route("/traces/{trace_id}", _trace, methods=["GET"]),
    ]


async def _traces(request: Request) -> Response:
    dashboard = dashboard_of(request)
    wanted = filter_of(request)
    values = await asyncio.to_thread(_list, dashboard, wanted)
    # Older ones do not change: a page that goes back is not live.
    live = request.query_params.get("follow") != "no" and not wanted.before
    return page(
        dashboard,
        request,
        "traces",
        wanted=defaultdict(str, request.query_params),
        live=live,
        **values,
    )


async def _trace(request: Request) -> Response:
    dashboard = dashboard_of(request)
    trace_id = request.path_params["trace_id"]
    values = await asyncio.to_thread(_one, dashboard, trace_id)
    status = 200 if values["trace"] else 404
    return page(dashboard, request, "trace", trace_id=trace_id, status=status, **values)


def filter_of(request: Request) -> TraceFilter:
    """Return the filter in the address. A value that makes no sense lets all traces through."""
    query = request.query_params
    before = query.get("before", "")
    # The id of a request finds it, however old it is.
    since = 0 if query.get("request") else nanoseconds_ago(minutes_of(request) * 60)
    return TraceFilter(
        service=query.get("service", ""),
        route=query.get("route", "").strip(),
        status=query.get("status", ""),
        longer_than=_number(query.get("longer", "")),
        request=query.get("request", "").strip(),
        person=query.get("person", "").strip(),
        installation=query.get("installation", "").strip(),
        since=since,
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 20 else 0,
        slowest=query.get("order") == "slowest",
    )


def _list(dashboard: Dashboard, wanted: TraceFilter) -> dict[str, object]:
    found = dashboard.queries.traces(wanted, ON_A_PAGE + 1)
    shown = found[:ON_A_PAGE]
    more = len(found) > ON_A_PAGE and not wanted.slowest
    return {
        "traces": shown,
        "count": dashboard.queries.count_traces(wanted),
        "older": shown[-1].start if more else 0,
        "longest": max((trace.duration for trace in shown), default=1) or 1,
        "services": dashboard.service_names,
    }


def _one(dashboard: Dashboard, trace_id: str) -> dict[str, object]:
    trace = dashboard.queries.find_trace(trace_id)
    if trace is None:
        return {"trace": None, "rows": [], "hidden": 0, "lines": 0}
    spans = dashboard.queries.spans(trace_id)
    lines = dashboard.queries.logs_of_trace(trace)
    return {
        "trace": trace,
        "rows": waterfall.rows(spans, lines),
        "hidden": max(0, trace.spans - MAX_SPANS_SHOWN),
        "lines": len(lines),
    }


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value < 1e9 else 0.0
