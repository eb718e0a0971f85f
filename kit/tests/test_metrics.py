import platform

import pytest
from cathouse_kit.testing import running
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families

from .conftest import MakeApp


async def test_metrics_are_prometheus_text_with_the_names_of_the_contract(
    make_app: MakeApp, database_url: str
) -> None:
    app = make_app(database_url=database_url, database_pool_size=3)
    async with running(app) as client, app.state.context.database.session() as session:
        await session.connection()
        await client.get("/api/v1/sample/things/7")
        response = await client.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }
    route = ("route", "/api/v1/sample/things/{thing_id}")
    assert samples["http_requests_total", ("method", "GET"), route, ("status", "200")] == 1
    assert samples["http_request_duration_seconds_count", ("method", "GET"), route] == 1
    assert (
        samples["http_request_duration_seconds_bucket", ("le", "30.0"), ("method", "GET"), route]
        == 1
    )
    assert samples["http_requests_in_flight",] == 1  # the request to the metrics itself
    assert samples["database_pool_connections_in_use",] == 1
    assert samples["database_pool_connections_max",] == 3
    build = (
        "build_info",
        ("python", platform.python_version()),
        ("service", "sample"),
        ("version", "1.2.3"),
    )
    assert samples[build] == 1


async def test_apps_in_one_process_count_separately(make_app: MakeApp) -> None:
    first, second = make_app(), make_app()
    async with running(first) as client:
        await client.get("/api/v1/sample/things/7")
    assert "things" not in str(list(second.state.context.metrics.requests.collect()))
    assert "things" in str(list(first.state.context.metrics.requests.collect()))


async def test_the_counters_of_a_route_are_looked_up_once(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[tuple[str, ...]] = []
    labels = Counter.labels

    def note(counter: Counter, *values: str) -> Counter:
        looked_up.append(values)
        return labels(counter, *values)

    monkeypatch.setattr(Counter, "labels", note)
    async with running(make_app()) as client:
        for _ in range(3):
            assert (await client.get("/api/v1/sample/things/7")).status_code == 200
    assert looked_up == [("GET", "/api/v1/sample/things/{thing_id}", "200")]


async def test_problems_count_by_code_and_by_the_service_that_failed(make_app: MakeApp) -> None:
    app = make_app()
    async with running(app) as client:
        await client.get("/api/v1/nothing")
        await client.get("/api/v1/nothing")
    count = app.state.context.metrics.registry.get_sample_value
    labels = {"problem": "not_found", "upstream": ""}
    assert count("http_problems_total", labels) == 2
