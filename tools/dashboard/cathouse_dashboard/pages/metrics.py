"""Metrics: charts of what `/metrics` of each service has."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cathouse_dashboard import charts, series
from cathouse_dashboard.charts import Chart
from cathouse_dashboard.collect.scraper import read_key
from cathouse_dashboard.dashboard import Dashboard, dashboard_of
from cathouse_dashboard.pages.overview import is_traffic
from cathouse_dashboard.records import Sample
from cathouse_dashboard.series import Point
from cathouse_dashboard.store.queries import nanoseconds_ago
from cathouse_dashboard.templating import minutes_of, page

_MOST_POINTS = 240
_KNOWN = (
    series.REQUESTS,
    "http_request_duration_seconds",
    "build_info",
    "python_info",
    "process_start_time",
)


def routes() -> list[Route]:
    return [Route("/metrics", _metrics, methods=["GET"])]


async def _metrics(request: Request) -> Response:
    dashboard = dashboard_of(request)
    service, route = request.query_params.get("service", ""), request.query_params.get("route", "")
    values = await asyncio.to_thread(_values, dashboard, minutes_of(request), service, route)
    return page(dashboard, request, "metrics", service=service, route=route, **values)


def _values(dashboard: Dashboard, minutes: int, service: str, route: str) -> dict[str, object]:
    begin, end = nanoseconds_ago(minutes * 60), nanoseconds_ago(0)
    by_service: dict[str, list[Sample]] = {name: [] for name in dashboard.service_names}
    for sample in dashboard.queries.samples(begin, service):
        by_service.setdefault(sample.service, []).append(sample)
    by_service = {name: found for name, found in by_service.items() if found}

    def counts(labels: series.Labels) -> bool:
        return labels.get("route") == route if route else is_traffic(labels)

    drawn = [
        charts.draw(
            title, unit, [(name, of(found)) for name, found in by_service.items()], begin, end
        )
        for title, unit, of in _of_requests(counts)
    ]
    if not route:
        drawn += _of_processes(by_service, begin, end)
    return {
        "charts": drawn,
        "services": dashboard.service_names,
        "routes": sorted(_routes(by_service)),
        "any": bool(by_service),
    }


def _of_requests(
    counts: Callable[[series.Labels], bool],
) -> list[tuple[str, str, Callable[[Sequence[Sample]], list[Point]]]]:
    def failed(labels: series.Labels) -> bool:
        return labels["status"].startswith("5")

    return [
        ("Requests a second", "/s", lambda found: series.rate(found, series.REQUESTS, counts)),
        ("Failed requests", "%", lambda found: series.share(found, failed, counts)),
        ("Duration, p50", "s", lambda found: series.quantile_over_time(found, 0.5, counts)),
        ("Duration, p95", "s", lambda found: series.quantile_over_time(found, 0.95, counts)),
    ]


def _of_processes(by_service: dict[str, list[Sample]], begin: int, end: int) -> Iterator[Chart]:
    """Yield a chart for each other counter and gauge, in the order of their names."""
    newest = [found[-1].values for found in by_service.values()]
    names = {read_key(key)[0] for values in newest for key in values}
    for name in sorted(name for name in names if not name.startswith(_KNOWN)):
        if name.endswith(("_bucket", "_sum", "_count")):
            continue
        counter = name.endswith("_total")
        lines = [
            (
                service,
                series.rate(found, name, lambda labels: True)
                if counter
                else series.total(found, name),
            )
            for service, found in by_service.items()
            if any(key.partition("\x1f")[0] == name for key in found[-1].values)
        ]
        title = name.removesuffix("_total").replace("_", " ").capitalize()
        unit = "B" if "bytes" in name else "s" if name.endswith("_seconds") else ""
        if counter:
            title, unit = f"{title} a second", "/s"
        yield charts.draw(title, unit, lines, begin, end)


def _routes(by_service: dict[str, list[Sample]]) -> set[str]:
    return {
        labels["route"]
        for found in by_service.values()
        for key in found[-1].values
        if key.startswith(series.REQUESTS) and "route" in (labels := read_key(key)[1])
    }
