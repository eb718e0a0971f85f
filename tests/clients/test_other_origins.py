"""The TypeScript client in Chromium, on pages of another origin than the gateway. They need `make browser`."""

import shutil
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from typing import Any

import orjson
import pytest
from cathouse_kit.testing import serving
from playwright.sync_api import Browser, Page

from ..browser.browsing import chromium
from ..journey.platform import Platform
from .conftest import ROOT, TYPESCRIPT, Run

LISTED = "http://localhost:5173"
"""An origin that `make up` allows, without a setting."""
NOT_LISTED = "http://localhost:5174"

PAGE = """<!doctype html><title>A front end</title><link rel="icon" href="data:,">
<script type="importmap">{"imports": {"openapi-fetch": "/openapi-fetch/dist/index.mjs"}}</script>"""
JOURNEY = "async (options) => (await import('/examples/journey.js')).journey(options)"
# Signing in is a simple request, which browsers send without a preflight. The page must not read its response either.
ATTEMPTS = """async (address) => {
  const { CatHouse } = await import("/src/index.js");
  const house = new CatHouse(address);
  const body = { email: "eve@example.com", password: "correct horse battery", display_name: "Eve" };
  const attempts = [
    house.get("/api/v1/catalog/cats"),
    house.post("/api/v1/auth/register", { body }),
    house.signIn("eve@example.com", "correct horse battery"),
  ];
  const done = await Promise.allSettled(attempts);
  return done.map(({ status, reason }) => `${status} ${reason}`);
}"""


@pytest.fixture(scope="module")
def front_end(
    run: Run, generated: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Serve the client and its examples as ES modules. Yields the address."""
    folder = tmp_path_factory.mktemp("front-end")
    run("npm", "exec", "--", "tsc", "--noEmit", "false", "--outDir", str(folder), cwd=TYPESCRIPT)
    shutil.copytree(TYPESCRIPT / "node_modules/openapi-fetch", folder / "openapi-fetch")
    (folder / "index.html").write_text(PAGE)

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    with serving(Files) as url:
        yield url


@pytest.fixture(scope="module")
def browser(front_end: str) -> Iterator[Browser]:
    # Origins of fixed ports, served on a free one: another program may use the port.
    host = front_end.removeprefix("http://")
    origins = (origin.removeprefix("http://") for origin in (LISTED, NOT_LISTED))
    rules = ", ".join(f"MAP {origin} {host}" for origin in origins)
    with chromium(f"--host-resolver-rules={rules}") as browser:
        yield browser


def opened(browser: Browser, origin: str) -> tuple[Page, dict[str, list[int]]]:
    """Open the front end at an origin. Returns the page, and the statuses of its preflights by their paths."""
    page = browser.new_page()
    preflights: dict[str, list[int]] = {}

    def received(event: dict[str, Any]) -> None:
        if event["type"] == "Preflight":
            path = "/" + event["response"]["url"].split("/", 3)[3]
            preflights.setdefault(path, []).append(event["response"]["status"])

    # Playwright's own events leave preflights out.
    devtools = page.context.new_cdp_session(page)
    devtools.on("Network.responseReceived", received)
    devtools.send("Network.enable")
    page.goto(origin)
    assert page.evaluate("location.origin") == origin
    return page, preflights


def test_the_journey_runs_in_chromium_from_another_origin(
    browser: Browser, platform: Platform
) -> None:
    page, preflights = opened(browser, LISTED)
    options = {
        "address": platform.stack.url("gateway"),
        "endpoint": platform.stack.url("tasks"),
        "adminToken": platform.admin["Authorization"].removeprefix("Bearer "),
        "manifest": orjson.loads((ROOT / "examples/tasks/manifest.json").read_bytes()),
    }
    lines = page.evaluate(JOURNEY, options)
    print("\n".join(lines))
    assert lines[-1] == "paul  goes on with refreshed tokens"
    print(f"{sum(map(len, preflights.values()))} preflights of {len(preflights)} addresses")
    assert {status for statuses in preflights.values() for status in statuses} == {200}
    for path in ("/api/v1/auth/register", "/api/v1/installations", "/api/v1/proxy/"):
        assert any(known.startswith(path) for known in preflights), path


def test_chromium_refuses_an_origin_that_is_not_listed(
    browser: Browser, platform: Platform
) -> None:
    page, preflights = opened(browser, NOT_LISTED)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    outcomes = page.evaluate(ATTEMPTS, platform.stack.url("gateway"))
    for outcome in outcomes:
        assert outcome.startswith("rejected Unreachable: "), outcome
        assert "that CORS allows this page" in outcome
    assert any(f"from origin '{NOT_LISTED}' has been blocked by CORS policy" in x for x in said)
    assert set(preflights["/api/v1/auth/register"]) == {400}
    # Nobody was registered.
    eve = {"username": "eve@example.com", "password": "correct horse battery"}
    assert platform.call("POST", "auth", "/api/v1/auth/login", {}, data=eve).status_code == 401
