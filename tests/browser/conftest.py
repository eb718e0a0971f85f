import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ..stack.stack import ROOT
from .browsing import Dashboard, chromium, dashboard_in

# A busy machine takes some seconds to start a process.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    with dashboard_in(tmp_path_factory.mktemp("browser") / "Cat House é") as dashboard:
        yield dashboard


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(dashboard: Dashboard, browser: Browser) -> Iterator[Page]:
    """A page that has entered the dashboard. No script may fail on it, and none be refused."""
    page = dashboard.enter(browser)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            errors.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield page
    page.context.close()
    assert errors == []


@pytest.fixture(scope="session")
def pictures() -> Path:
    """The folder where screenshots are kept as artefacts of the run."""
    folder = Path(os.environ.get("CATHOUSE_SCREENSHOTS") or ROOT / ".state/screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
