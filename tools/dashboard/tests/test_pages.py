import asyncio
import os
import re
import time
from html import escape
from pathlib import Path

import httpx
import pytest
from cathouse_dashboard.collect.runner import ProcessState
from cathouse_dashboard.collect.scraper import Readiness
from cathouse_dashboard.dashboard import Dashboard
from cathouse_dashboard.live import TOPICS
from cathouse_dashboard.records import Sample
from cathouse_dashboard.settings import DashboardError, load_settings
from cathouse_dashboard.stack import Snapshot
from cathouse_kit.testing import eventually
from starlette.applications import Starlette

from .support import MS, NOW, REQUEST, SERVICES, TRACE, line, span, stored

PAGES = ("/", "/traces", "/logs", "/metrics", "/database", "/api")


@pytest.fixture
def dashboard(app: Starlette) -> Dashboard:
    found: Dashboard = app.state.dashboard
    return found


@pytest.fixture
async def filled(client: httpx.AsyncClient, dashboard: Dashboard) -> None:
    """A trace with its log line, and samples."""
    root = span(attributes={"request.id": REQUEST, "http.route": "/things", "enduser.id": "ada"})
    query = span(
        span_id="2" * 16,
        parent_id=root.span_id,
        start=NOW + MS,
        kind=3,
        attributes={"db.query.text": "SELECT <script>", "db.response.returned_rows": 3},
    )
    dashboard.writer.add_spans([root, query], 1)
    lines = [
        line("hello <b>", request_id=REQUEST, fields={"status": 200}),
        line("other", process="auth"),
    ]
    dashboard.writer.add_logs(lines, (), 1)
    values = {
        "http_requests_total\x1froute=/things\x1fstatus=200\x1fmethod=GET": 1.0,
        "own_gauge": 3.0,
    }
    dashboard.writer.add_samples([Sample(NOW, "auth", values)])

    async def written() -> bool:
        return dashboard.writer.written >= 5

    await eventually("the page", written)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_of_an_empty_run_says_what_to_do(client: httpx.AsyncClient, path: str) -> None:
    async def shown() -> bool:
        # Until the file is there, a page says that.
        return (await client.get(path)).status_code == 200

    await eventually("the page", shown)
    text = (await client.get(path)).text
    assert "<h1>" in text
    if path not in ("/api", "/database"):
        assert 'class="empty"' in text


async def test_a_run_that_cannot_be_read_says_so(
    client: httpx.AsyncClient, dashboard: Dashboard, run: Path
) -> None:
    def break_file() -> None:
        dashboard.writer.stop()
        run.write_text("not a database at all, but long enough to be taken for one" * 20)

    await asyncio.to_thread(break_file)
    response = await client.get("/traces")
    assert response.status_code == 503
    assert "cannot be read" in response.text


@pytest.mark.usefixtures("filled")
async def test_the_list_of_traces_leads_to_the_waterfall(client: httpx.AsyncClient) -> None:
    listing = (await client.get("/traces?service=proxy")).text
    assert f"/traces/{TRACE}" in listing
    assert "No trace is like this" in (await client.get("/traces?service=auth")).text
    page = (await client.get(f"/traces/{TRACE}")).text
    assert escape("SELECT <script>") in page
    assert "3 rows" in page
    assert escape("hello <b>") in page
    assert f"/logs?request={REQUEST}" in page
    assert "/traces?person=ada" in page


@pytest.mark.usefixtures("filled")
async def test_a_log_line_leads_to_its_trace(client: httpx.AsyncClient) -> None:
    page = (await client.get("/logs?text=hello")).text
    assert escape("hello <b>") in page
    assert "other" not in re.sub(r"<select.*?</select>", "", page, flags=re.DOTALL)
    found = re.search(r'href="(/lines/\d+)"', page)
    assert found is not None
    response = await client.get(found[1])
    assert (response.status_code, response.headers["location"]) == (303, f"/traces/{TRACE}")


@pytest.mark.usefixtures("filled")
async def test_an_address_has_the_whole_view(client: httpx.AsyncClient) -> None:
    text = (await client.get("/traces?service=proxy&status=2xx&longer=5&minutes=60&follow=no")).text
    assert "<option selected>proxy</option>" in text
    assert '<option value="2xx" selected>' in text
    assert 'name="longer" value="5"' in text
    assert 'value="60"' in text
    # Paused: it does not read itself again.
    assert "sse:traces" not in text
    assert "sse:traces" in (await client.get("/traces")).text


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    "query",
    [
        "minutes=abc&longer=x&status=%00&before=99999999999999999999999&level=loud",
        "minutes=-1&before=-1&longer=nan&service=%F0%9F%90%B1&text=%25",
        "minutes=999999999999999999999&request=" + "x" * 3000,
    ],
    ids=["words", "signs", "length"],
)
@pytest.mark.parametrize("path", ["/", "/traces", "/logs", "/metrics"])
async def test_an_address_that_makes_no_sense_is_a_page_all_the_same(
    client: httpx.AsyncClient, path: str, query: str
) -> None:
    assert (await client.get(f"{path}?{query}")).status_code == 200


@pytest.mark.usefixtures("filled")
async def test_metrics_have_a_chart_for_each_series_that_services_have(
    client: httpx.AsyncClient,
) -> None:
    text = (await client.get("/metrics")).text
    assert "Own gauge" in text
    assert "<option>/things</option>" in text
    assert "Own gauge" not in (await client.get("/metrics?service=proxy")).text


async def test_the_overview_shows_what_runs_and_what_does_not(
    client: httpx.AsyncClient, dashboard: Dashboard
) -> None:
    def state(name: str, status: str, ready: str, exit_code: int, pid: int) -> ProcessState:
        return ProcessState(name, status, ready, 2, exit_code, pid, pid > 0)

    await dashboard.stack.stop()
    dashboard.writer.add_spans([span()], 1)
    dashboard.stack.now = Snapshot(
        processes=[
            state("auth", "Running", "Ready", 0, os.getpid()),
            state("proxy", "Completed", "-", 3, 0),
        ],
        readiness={
            "auth": Readiness("ready", {"database": {"status": "ok"}}),
            "proxy": Readiness("down"),
        },
        restarted={"auth": time.time() - 5, "proxy": time.time() - 3600},
    )

    async def written() -> bool:
        return dashboard.writer.written > 0

    await eventually("the page", written)
    text = (await client.get("/")).text
    rows = dict(re.findall(r'<tr id="process-(\w+)">(.*?)</tr>', text, re.DOTALL))
    assert "running, ready" in rows["auth"]
    assert re.search(r"ended and restarted \d+ s ago", rows["auth"])
    assert "ended and restarted" not in rows["proxy"]
    assert 'aria-label="stop auth"' in rows["auth"]
    assert "completed, exit 3" in rows["proxy"]
    assert "state bad" in rows["proxy"]
    assert 'aria-label="start proxy"' in rows["proxy"]
    services = dict(re.findall(r'<tr id="service-(\w+)">(.*?)</tr>', text, re.DOTALL))
    assert "state bad" in services["proxy"]


async def test_a_page_is_told_of_what_changes(
    client: httpx.AsyncClient, dashboard: Dashboard
) -> None:
    await dashboard.stack.stop()
    events = dashboard.live._events()
    assert await anext(events) == "retry: 1000\n\n"
    # At first all of them: something may have changed since the page was rendered.
    first = [await anext(events) for _ in TOPICS]
    assert first == [f"event: {topic}\ndata: changed\n\n" for topic in sorted(TOPICS)]
    dashboard.writer.add_spans([span()], 1)
    assert await asyncio.wait_for(anext(events), 10) == "event: traces\ndata: changed\n\n"
    dashboard.live.close()
    assert [event async for event in events] == []
    assert not dashboard.live.watched


def test_a_file_of_records_is_read_by_the_next_process(tmp_path: Path) -> None:
    assert stored(tmp_path, span()).find_trace(TRACE) is not None


def test_settings_say_what_is_missing_and_what_is_no_port(tmp_path: Path) -> None:
    with pytest.raises(DashboardError, match="make up"):
        load_settings(SERVICES, tmp_path, {})
    (tmp_path / "secrets" / "dashboard").mkdir(parents=True)
    (tmp_path / "secrets" / "dashboard" / "token").write_text("abc")
    found = load_settings(SERVICES, tmp_path, {"AUTH_PORT": "16005"})
    assert found.address == "http://127.0.0.1:8001/?token=abc"
    assert [endpoint.port for endpoint in found.endpoints] == [16005, 8004]
    with pytest.raises(DashboardError, match="DASHBOARD_PORT=x"):
        load_settings(SERVICES, tmp_path, {"DASHBOARD_PORT": "x"})
