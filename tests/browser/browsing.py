"""A stack with its dashboard, and a browser that has entered it."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from cathouse_kit.registry import load_registry
from cathouse_kit.testing import wait_until
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from playwright.sync_api import Browser, Page, sync_playwright

from ..stack.stack import ROOT, SOCKET, Stack, process_compose, stack_in

SERVICES = tuple(service.name for service in load_registry(ROOT / "services.toml"))
PAGES = {
    "overview": "/",
    "traces": "/traces",
    "logs": "/logs",
    "metrics": "/metrics",
    "database": "/database",
    "api": "/api?service=catalog",
}
PROXIED = "/traces?route=/proxy/{installation_id}"


class Dashboard:
    """The dashboard of a running stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.url = stack.url("dashboard")
        self.token = (stack.folder / ".state/secrets/dashboard/token").read_text()

    def enter(self, browser: Browser, **options: Any) -> Page:
        """Return a page of a new context that has the token."""
        page = browser.new_context(base_url=self.url, **options).new_page()
        page.set_default_timeout(60_000)
        page.goto(f"/?token={self.token}")
        return page

    def export(self, *requests: ExportTraceServiceRequest) -> list[httpx.Response]:
        """Send spans, as services do."""
        with httpx.Client(trust_env=False, timeout=60, verify=False) as client:
            return [
                client.post(
                    f"{self.url}/v1/traces",
                    content=request.SerializeToString(),
                    headers={"Content-Type": "application/x-protobuf"},
                )
                for request in requests
            ]

    def seed(self) -> None:
        """Do as `make seed`."""
        self._run("seed")

    def demo(self) -> None:
        """Do as `make demo`."""
        words = ("process", "restart", "--use-uds", "--unix-socket", SOCKET)
        self._run("demo", "--restart", shlex.join((process_compose(), *words)))

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "cathouse_stack", *words],
            cwd=self.stack.folder,
            env=self.stack.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def dashboard_in(folder: Path) -> Iterator[Dashboard]:
    """A running stack after its demonstration."""
    with stack_in(folder, dashboard=True) as stack:
        stack.start()
        stack.wait_until_up()
        dashboard = Dashboard(stack)
        dashboard.demo()
        yield dashboard
        stack.stop()


@contextmanager
def chromium(*options: str) -> Iterator[Browser]:
    """Debian's Chromium, without a window. It has no sandbox where root runs it, as in containers."""
    program = shutil.which("chromium")
    assert program, "there is no chromium on the PATH: apt install chromium"
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=[*arguments, *options])
        yield browser
        browser.close()


def open_proxied_call(page: Page) -> None:
    """Open the waterfall of a call of the demonstration that went through three services."""
    page.goto(PROXIED)
    row = page.locator("tbody tr")
    # Spans arrive one service after the other. The name of the route contains "installation" too.
    for service in ("proxy", "catalog", "installation"):
        row = row.filter(has=page.locator(f".chip:text-is('{service}')"))

    def listed() -> bool:
        page.reload()
        return bool(row.count() > 0)

    wait_until("the proxied call", listed, 60)
    row.first.locator("td a").first.click()
    page.wait_for_selector(".waterfall")
