"""compose.dev.yaml runs the same stack from the sources in the folder, and reloads changes."""

from pathlib import Path

import httpx
from cathouse_kit.testing import wait_until

from .engine import Stack, composed


def _version(stack: Stack) -> str:
    try:
        return str(stack.get("/docs/auth.json").json()["info"]["title"])
    except (httpx.TransportError, KeyError, ValueError):
        return ""


def test_a_saved_source_is_reloaded(images: dict[str, str], folder: Path) -> None:
    with composed(folder, "cathouse-dev", "compose.dev.yaml") as stack:
        stack.start()
        assert _version(stack) == "Cat House auth"
        source = folder / "kit/cathouse_kit/service.py"
        text = source.read_text()
        title = "{platform.display_name}"
        assert title in text
        source.write_text(text.replace(title, "Saved House"))
        wait_until("the saved source to be served", lambda: _version(stack) == "Saved House auth")
        wait_until("auth to be ready", lambda: stack.ready("auth"))
        assert "service.py changed" in stack.logs("auth")
