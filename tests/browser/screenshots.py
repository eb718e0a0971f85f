"""`make screenshots`: pictures of the dashboard, light and dark, from a stack that has run the demonstration."""

import sys
import tempfile
from pathlib import Path

from .browsing import chromium, dashboard_in, open_proxied_call

SIZE = {"width": 1280, "height": 760}


def main(folder: Path) -> None:
    with (
        tempfile.TemporaryDirectory() as temporary,
        chromium() as browser,
        dashboard_in(Path(temporary) / "cat-house") as dashboard,
    ):
        dashboard.seed()
        for scheme, name in (("light", "overview"), ("dark", "trace")):
            page = dashboard.enter(browser, color_scheme=scheme, viewport=SIZE)
            if name == "trace":
                open_proxied_call(page)
            else:
                # Until all states and the charts are there.
                page.locator("#service-proxy .state.good").first.wait_for()
                page.goto("/?minutes=5")
                page.wait_for_timeout(12_000)
            path = folder / f"dashboard-{scheme}.png"
            page.screenshot(path=path)
            print(f"wrote {path}")
            page.context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
