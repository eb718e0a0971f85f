"""The telemetry's disk is full: the page says so, and the services do not notice."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from ..stack.stack import stack_in
from .browsing import Dashboard
from .test_dashboard import call_catalog, spans


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A place for a stack, whose telemetry has a disk of 2 MB. To mount it needs root."""
    folder = tmp_path / "stack"
    telemetry = folder / ".state/telemetry"
    yield folder
    subprocess.run(["umount", telemetry], check=True)


def test_a_full_disk_is_said_and_the_services_go_on(folder: Path, browser: Browser) -> None:
    with stack_in(folder, dashboard=True) as stack:
        telemetry = folder / ".state/telemetry"
        telemetry.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", telemetry], check=True)
        stack.start()
        stack.wait_until_up()
        dashboard = Dashboard(stack)
        page = dashboard.enter(browser)
        dashboard.export(*(spans(1000, size=900) for _ in range(6)))
        page.goto("/traces")
        problem = page.locator(".problem", has_text="the file could not be written")
        expect(problem).to_be_visible(timeout=60_000)
        expect(problem).to_contain_text("The services are not affected")
        assert call_catalog(dashboard, "on-a-full-disk").status_code == 200
        assert "Exception while exporting" not in stack.log("catalog")
        page.context.close()
        assert stack.stop() == 0
