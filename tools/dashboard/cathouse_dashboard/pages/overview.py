"""Overview: processes, services, and the calls between them; with the buttons that start, stop and restart."""

import asyncio
from dataclasses import dataclass
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cathouse_dashboard import architecture, series
from cathouse_dashboard.charts import Chart, draw
from cathouse_dashboard.collect.runner import ACTIONS, RunnerError
from cathouse_dashboard.collect.scraper import read_key
from cathouse_dashboard.collect.usage import Usage
from cathouse_dashboard.dashboard import Dashboard, dashboard_of
from cathouse_dashboard.records import Sample
from cathouse_dashboard.stack import recently, uptime
from cathouse_dashboard.store.queries import nanoseconds_ago
from cathouse_dashboard.templating import minutes_of, page

_MOST_POINTS = 90
# Probes and the scrapes of this dashboard are no traffic.
_NO_TRAFFIC = ("/health", "/api/v1/health", "/metrics")


def routes() -> list[Route]:
    return [
        Route("/", _overview, methods=["GET"]),
        Route("/processes/{name}/{action}", _act, methods=["POST"]),
    ]


def is_traffic(labels: series.Labels) -> bool:
    """Return whether a series counts requests of users, and not of probes."""
    route = labels.get("route", "")
    return not route.startswith(_NO_TRAFFIC) and not route.endswith("/internal/revocations")


async def _overview(request: Request) -> Response:
    dashboard = dashboard_of(request)
    values = await asyncio.to_thread(_values, dashboard, minutes_of(request))
    return page(dashboard, request, "overview", **values)


async def _act(request: Request) -> Response:
    dashboard = dashboard_of(request)
    name, action = request.path_params["name"], request.path_params["action"]
    if action not in ACTIONS:
        return PlainTextResponse(
            f"There is no action {action}. Known are {', '.join(ACTIONS)}.", 404
        )
    try:
        await dashboard.stack.runner.act(action, name)
    except RunnerError as error:
        return PlainTextResponse(f"{name}: {action} failed: {error}.", 409)
    dashboard.stack.look_soon()
    return PlainTextResponse(f"{name}: {action} is done.")


def _values(dashboard: Dashboard, minutes: int) -> dict[str, object]:
    charts = _charts(dashboard, minutes, dashboard.writer.samples_written)
    now = dashboard.stack.now
    calls = dashboard.queries.calls(nanoseconds_ago(minutes * 60))
    registered = [endpoint.service for endpoint in dashboard.endpoints]
    of_service = {chart.name: chart for chart in charts}
    return {
        "services": charts,
        "picture": architecture.draw(registered, calls, minutes * 60),
        "readiness": now.readiness,
        "restarted": recently(now.restarted),
        "processes": [
            {"state": state, **_usage(now.usage.get(state.name), of_service.get(state.name))}
            for state in now.processes
        ],
        "endpoints": {endpoint.name: endpoint for endpoint in dashboard.endpoints},
    }


@dataclass(frozen=True, slots=True)
class ServiceCharts:
    """Charts and figures from the metrics of a service."""

    name: str
    version: str
    requests: Chart
    errors: Chart
    durations: Chart
    p50: float | None
    p95: float | None
    memory: float | None
    cpu: float | None


# The page is read each second, and there are new samples each five.
@lru_cache(maxsize=8)
def _charts(dashboard: Dashboard, minutes: int, _version: int) -> list[ServiceCharts]:
    begin, end = nanoseconds_ago(minutes * 60), nanoseconds_ago(0)
    by_service: dict[str, list[Sample]] = {name: [] for name in dashboard.service_names}
    for sample in dashboard.queries.samples(begin, most=_MOST_POINTS):
        by_service.setdefault(sample.service, []).append(sample)
    return [_service_charts(name, by_service[name], begin, end) for name in dashboard.service_names]


def _service_charts(name: str, samples: list[Sample], begin: int, end: int) -> ServiceCharts:
    requests = series.rate(samples, series.REQUESTS, is_traffic)
    errors = series.share(samples, lambda labels: labels["status"].startswith("5"), is_traffic)
    p50 = series.quantile_over_time(samples, 0.5, is_traffic)
    p95 = series.quantile_over_time(samples, 0.95, is_traffic)
    newest = samples[-1].values if samples else {}
    cpu = series.rate(samples[-2:], "process_cpu_seconds_total", lambda labels: True)
    return ServiceCharts(
        name=name,
        version=_version(newest),
        requests=draw(f"{name}, requests a second", "/s", [("requests", requests)], begin, end),
        errors=draw(f"{name}, failed requests", "%", [("failed", errors)], begin, end),
        durations=draw(f"{name}, durations", "s", [("p50", p50), ("p95", p95)], begin, end),
        p50=series.quantile_in_all(samples, 0.5, is_traffic),
        p95=series.quantile_in_all(samples, 0.95, is_traffic),
        memory=newest.get("process_resident_memory_bytes"),
        cpu=cpu[-1][1] if cpu else None,
    )


def _usage(usage: Usage | None, service: ServiceCharts | None) -> dict[str, float | None]:
    """Return the usage of a process. A service is two processes: one watches for changes, the other has metrics."""
    if usage is None:
        return {"uptime": None, "cpu": None, "memory": None}
    memory, cpu = float(usage.memory), usage.cpu
    if service is not None:
        memory += service.memory or 0.0
        cpu = cpu + (service.cpu or 0.0) if cpu is not None else None
    return {"uptime": uptime(usage), "cpu": cpu, "memory": memory}


def _version(values: dict[str, float]) -> str:
    labels = (read_key(key)[1] for key in values if key.startswith("build_info"))
    return next((found["version"] for found in labels), "")
