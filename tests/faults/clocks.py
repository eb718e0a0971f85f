"""Clocks that a test can move, one for each service."""

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from cathouse_kit.testing import wait_until

from ..stack.stack import Stack
from .target import Target

_TOLERANCE_SECONDS = 30


def with_own_clocks(stack: Stack) -> None:
    """Have each service read its wall clock from libfaketime.

    Monotonic clocks and the times of files are not changed. Raises `AssertionError` if libfaketime is missing.
    """
    library = _library()
    file = stack.folder / "process-compose.yaml"

    def with_clock(found: re.Match[str]) -> str:
        service = found[1].lower()
        clock = _file(stack, service)
        clock.write_text("+0")
        variables = {
            # A forked service would have the clock of the fork server. So each service is started alone.
            "CATHOUSE_FORK_SERVER": "",
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_CACHE_DURATION": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        lines = (f'\n      - "{name}={value}"' for name, value in variables.items())
        return found[0] + "".join(lines)

    text = re.sub(r'- "PORT=\${(?!TASKS)([A-Z]+)_PORT:-\d+}"', with_clock, file.read_text())
    file.write_text(text)


def move_clock(target: Target, service: str, seconds: int) -> None:
    """Set the offset of a running service's clock from the machine's clock, in seconds."""
    file = _file(target.stack, service)
    moved = file.with_suffix(".moved")
    moved.write_text(f"{seconds:+}")
    moved.rename(file)

    def shows_it() -> bool:
        response = target.stack.get(service, "/health")
        if response is None:
            return False
        shown = datetime.fromisoformat(response.json()["timestamp"])
        return abs((shown - datetime.now(UTC)).total_seconds() - seconds) < _TOLERANCE_SECONDS

    wait_until(f"{service} to read its moved clock", shows_it)


def _file(stack: Stack, service: str) -> Path:
    return stack.folder / f"clock-{service}"


def _library() -> str:
    """Return the path of libfaketime, which the command faketime loads."""
    try:
        maps = subprocess.run(
            ["faketime", "-f", "+0", "cat", "/proc/self/maps"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise AssertionError(
            f"no clock can be moved: {error}. This trial needs faketime (Debian: apt-get install faketime)."
        ) from error
    found = re.search(r"\S+/libfaketime\S*", maps.stdout)
    assert found, maps.stdout
    return found[0]
