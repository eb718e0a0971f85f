"""Logs: the lines of all processes in one stream."""

import asyncio
from collections import defaultdict

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cathouse_dashboard.dashboard import Dashboard, dashboard_of
from cathouse_dashboard.records import LEVELS
from cathouse_dashboard.store.queries import LogFilter, nanoseconds_ago
from cathouse_dashboard.templating import minutes_of, page

ON_A_PAGE = 200


def routes() -> list[Route]:
    return [
        Route("/logs", _logs, methods=["GET"]),
        Route("/lines/{line_id:int}", _line, methods=["GET"]),
    ]


async def _logs(request: Request) -> Response:
    dashboard = dashboard_of(request)
    wanted = filter_of(request)
    values = await asyncio.to_thread(_list, dashboard, wanted)
    live = request.query_params.get("follow") != "no" and not wanted.before
    return page(
        dashboard,
        request,
        "logs",
        wanted=defaultdict(str, request.query_params),
        live=live,
        levels=LEVELS,
        **values,
    )


async def _line(request: Request) -> Response:
    """Lead from a line to the trace during which it was written."""
    dashboard = dashboard_of(request)
    line_id = request.path_params["line_id"]
    trace_id, request_id = await asyncio.to_thread(_trace_of, dashboard, line_id)
    # Without a trace, the list says so, and what to do.
    return RedirectResponse(
        f"/traces/{trace_id}" if trace_id else f"/traces?request={request_id}", 303
    )


def filter_of(request: Request) -> LogFilter:
    """Return the filter in the address. A value that makes no sense lets all lines through."""
    query = request.query_params
    level = query.get("level", "")
    before = query.get("before", "")
    since = 0 if query.get("request") else nanoseconds_ago(minutes_of(request) * 60)
    return LogFilter(
        process=query.get("service", ""),
        level=LEVELS.index(level) if level in LEVELS else 0,
        text=query.get("text", "").strip(),
        request=query.get("request", "").strip(),
        since=since,
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else 0,
    )


def _list(dashboard: Dashboard, wanted: LogFilter) -> dict[str, object]:
    found = dashboard.queries.logs(wanted, ON_A_PAGE + 1)
    shown = found[:ON_A_PAGE]
    return {
        "lines": shown,
        "older": shown[-1][0] if len(found) > ON_A_PAGE else 0,
        "processes": dashboard.queries.processes(),
    }


def _trace_of(dashboard: Dashboard, line_id: int) -> tuple[str, str]:
    found = dashboard.queries.logs(LogFilter(before=line_id + 1), 1)
    if not found or found[0][0] != line_id:
        return "", ""
    line = found[0][1]
    return dashboard.queries.trace_of_line(line), line.request_id
