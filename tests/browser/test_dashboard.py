"""Try the dashboard in a real browser, as a developer does."""

import re
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from cathouse_kit.testing import wait_until
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from playwright.sync_api import Browser, Page, expect

from .browsing import PAGES, SERVICES, Dashboard, open_proxied_call

SERIOUS = {"serious", "critical"}


def spans(
    count: int, *, traces: int = 1, name: str = "made here", size: int = 100
) -> ExportTraceServiceRequest:
    """Return an export request of a service that is none of the stack's."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name").value.string_value = "load"
    scope = resource_spans.scope_spans.add()
    now = time.time_ns()
    for number in range(count):
        made = scope.spans.add()
        made.trace_id = (now * traces + number % traces).to_bytes(16, "big")
        made.span_id = (now + number).to_bytes(8, "big")
        made.name = name
        made.start_time_unix_nano = now + number
        made.end_time_unix_nano = now + number + 1_000_000
        made.attributes.add(key="filler").value.string_value = "x" * size
    return request


def call_catalog(dashboard: Dashboard, request_id: str) -> httpx.Response:
    return httpx.get(
        f"{dashboard.stack.url('catalog')}/api/v1/catalog/categories",
        headers={"X-Request-ID": request_id},
        trust_env=False,
        verify=False,
        timeout=10,
    )


def test_a_proxied_call_of_the_demo_is_found_by_its_request_and_shows_all_it_did(
    page: Page,
) -> None:
    open_proxied_call(page)
    request_id = page.locator("dl.attributes a[href^='/logs?request=']").first.inner_text()
    page.goto(f"/traces?request={request_id[:16]}")
    page.locator("tbody tr td a").first.click()
    expect(page.locator(".waterfall")).to_be_visible()
    services = set(page.locator(".waterfall .chip").all_inner_texts())
    assert {"proxy", "installation", "catalog"} <= services
    assert page.locator(".kind-sql").count() >= 2
    assert "insert into proxy.audit" in page.locator(".waterfall").inner_text()
    expect(
        page.locator(".kind-call summary", has_text=re.compile("→ cat [0-9a-f-]+ "))
    ).to_have_count(1)
    # It contains log lines, which lead to all lines of the request and back.
    expect(page.locator(".kind-log", has_text="request").first).to_be_visible()
    page.locator("a[href^='/logs?request=']").first.click()
    expect(page.locator(".lines li").first).to_contain_text(request_id[:8])
    page.locator(".lines a", has_text="trace").first.click()
    expect(page.locator(".waterfall")).to_be_visible()


def test_what_is_opened_stays_open_while_the_page_is_live(page: Page, dashboard: Dashboard) -> None:
    open_proxied_call(page)
    details = page.locator(".waterfall details").first
    details.locator("summary").click()
    with page.expect_response(lambda response: "/traces/" in response.url, timeout=60_000):
        call_catalog(dashboard, "keeps-details-open")
    expect(details).to_have_attribute("open", "")


def test_a_killed_service_shows_red_and_then_ready_again(page: Page, dashboard: Dashboard) -> None:
    page.goto("/")
    row = page.locator("#service-catalog")
    expect(row.locator(".state").first).to_have_text("ready")
    dashboard.stack.answering_process("catalog").send_signal(signal.SIGKILL)
    expect(row.locator(".state.bad").first).to_be_visible()
    expect(row.locator(".state").first).to_have_text("ready")


def test_buttons_stop_start_and_restart_a_process(page: Page, dashboard: Dashboard) -> None:
    page.goto("/")
    stack = dashboard.stack
    state = page.locator("#process-tasks .state")
    expect(state).to_contain_text("ready")
    page.get_by_role("button", name="stop tasks").click()
    expect(state).to_contain_text("completed")
    page.get_by_role("button", name="start tasks").click()
    expect(state).to_have_text(re.compile("running, ready"))
    before = stack.started("auth")
    page.get_by_role("button", name="restart auth").click()
    expect(page.locator("#said")).to_contain_text("auth: restart is done")
    wait_until("auth", lambda: stack.ready("auth") and stack.started("auth") != before, 60)
    expect(page.locator("#service-auth .state").first).to_have_text("ready")


def test_filters_are_in_the_address_and_an_address_is_the_same_view_for_a_colleague(
    page: Page, dashboard: Dashboard, browser: Browser
) -> None:
    page.goto("/traces")
    page.get_by_label("service").select_option("auth")
    page.get_by_label("route or name").fill("/login")
    expect(page).to_have_url(re.compile(r"/traces\?.*service=auth.*route=%2Flogin"))
    rows = page.locator("tbody tr")
    expect(rows.first).to_contain_text("/api/v1/auth/login")
    assert all("/login" in text for text in rows.all_inner_texts())
    assert "status=" not in page.url
    colleague = dashboard.enter(browser)
    colleague.goto(page.url)
    expect(colleague.get_by_label("route or name")).to_have_value("/login")
    assert colleague.locator("tbody tr").count() == rows.count()
    colleague.context.close()
    page.get_by_label("status").select_option("5xx")
    expect(page.locator(".empty")).to_contain_text("No trace is like this")


def test_new_traces_and_lines_appear_by_themselves_unless_paused(
    page: Page, dashboard: Dashboard
) -> None:
    page.goto("/traces?request=live-")
    expect(page.locator(".empty")).to_be_visible()
    call_catalog(dashboard, "live-one-of-them")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("pause").check()
    expect(page).to_have_url(re.compile("follow=no"))
    logs = page.context.new_page()
    logs.goto("/logs?request=live-two")
    call_catalog(dashboard, "live-two-of-them")
    expect(logs.locator(".lines li").first).to_contain_text("live-two")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_call_that_is_tried_out_leads_to_its_trace(page: Page) -> None:
    page.goto("/api?service=catalog")
    operation = page.locator(".opblock", has_text="/categories").first
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()
    expect(page.locator("#last-trace")).to_contain_text("status 200")
    page.locator("#last-trace").click()
    expect(page.locator("tbody tr").first).to_contain_text("/categories", timeout=60_000)


def test_the_keyboard_is_enough(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.get_by_role("link", name="Traces", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Traces")).to_be_visible()
    page.locator("tbody a").first.focus()
    page.keyboard.press("Enter")
    page.locator(".waterfall summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".waterfall details").first).to_have_attribute("open", "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_each_page_fits_a_narrow_window(
    dashboard: Dashboard, browser: Browser, pictures: Path, scheme: str
) -> None:
    page = dashboard.enter(browser, color_scheme=scheme, viewport={"width": 1280, "height": 900})
    names = [*PAGES, "trace", "empty"]
    for name in names:
        if name == "trace":
            open_proxied_call(page)
        else:
            page.goto(PAGES.get(name, "/traces?person=nobody"))
        page.set_viewport_size({"width": 1280, "height": 900})
        if name == "api":
            page.wait_for_selector(".opblock")
        page.screenshot(path=pictures / f"{name}-{scheme}.png")
        # Swagger UI has findings that only its own project can fix.
        found = Axe().run(page, {"exclude": ["#swagger-ui"]}).response["violations"]
        serious = [
            (each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in SERIOUS
        ]
        assert serious == [], name
        page.set_viewport_size({"width": 360, "height": 740})
        page.screenshot(path=pictures / f"{name}-{scheme}-narrow.png")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert name == "api" or width <= 360, name
    page.context.close()


def test_ten_thousand_traces_are_listed_at_once_and_page_by_page(
    page: Page, dashboard: Dashboard
) -> None:
    dashboard.export(*(spans(1000, traces=1000, name="one of many") for _ in range(10)))
    page.goto("/traces?service=load&follow=no")

    def all_here() -> bool:
        page.reload()
        return "10000 traces" in page.locator("caption").inner_text()

    wait_until("10,000 traces", all_here, 60)
    began = time.monotonic()
    page.reload()
    print(f"10,000 traces: the list is there after {time.monotonic() - began:.2f} s")
    expect(page.locator("tbody tr")).to_have_count(100)
    first = page.locator("tbody tr").first.get_attribute("id")
    page.get_by_role("link", name="Older traces").click()
    expect(page.locator("tbody tr")).to_have_count(100)
    assert page.locator("tbody tr").first.get_attribute("id") != first


def test_a_broken_payload_is_said_and_the_services_do_not_notice(
    page: Page, dashboard: Dashboard
) -> None:
    response = httpx.post(
        f"{dashboard.url}/v1/traces",
        content=b"\xff\xff\xff",
        headers={"Content-Type": "application/x-protobuf"},
        trust_env=False,
        verify=False,
    )
    assert response.status_code == 400
    page.goto("/traces")
    expect(page.locator(".problem", has_text="an export request was not OTLP")).to_be_visible()
    assert call_catalog(dashboard, "after-the-broken-one").status_code == 200


def test_a_hundred_megabytes_of_spans_in_a_minute_cost_the_services_nothing(
    page: Page, dashboard: Dashboard
) -> None:
    payloads = [spans(2000, size=900) for _ in range(50)]
    size = sum(payload.ByteSize() for payload in payloads)
    assert size > 95_000_000
    began = time.monotonic()
    responses: list[httpx.Response] = []
    sender = threading.Thread(target=lambda: responses.extend(dashboard.export(*payloads)))
    sender.start()
    statuses, slowest = set(), 0.0
    while sender.is_alive():
        asked = time.monotonic()
        statuses.add(call_catalog(dashboard, "while-spans-arrive").status_code)
        slowest = max(slowest, time.monotonic() - asked)
        time.sleep(0.2)
    seconds = time.monotonic() - began
    assert {response.status_code for response in responses} == {200}
    assert statuses == {200}
    rejected = sum(bool(response.content) for response in responses)
    print(
        f"{size / 1e6:.0f} MB, {100_000 / seconds:.0f} spans a second, {rejected} of 50 requests rejected,"
        f" the slowest request to catalog {slowest:.2f} s"
    )
    page.goto("/traces")
    expect(page.get_by_role("heading", name="Traces")).to_be_visible()
    if rejected:
        expect(
            page.locator(".problem", has_text="more arrived than could be written")
        ).to_be_visible()
    assert seconds < 60


def test_every_service_has_its_process(page: Page) -> None:
    page.goto("/")
    for name in SERVICES:
        expect(page.locator(f"#process-{name}")).to_be_visible()
