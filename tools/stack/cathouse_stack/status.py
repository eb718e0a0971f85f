"""The table of services, with the address and the state of each."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from cathouse_stack.ports import Endpoint, other_ports
from cathouse_stack.preflight import DASHBOARD_TOKEN_FILE

_TIMEOUT_SECONDS = 5.0
_START_TIME = re.compile(r"^process_start_time_seconds (\S+)$", re.MULTILINE)
_HEADINGS = ("service", "url", "docs", "started", "state")
# Proxies of the environment are not used, because the stack runs on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one service."""

    endpoint: Endpoint
    state: str
    """`ready`, `down`, or `not ready` with the names of the failed checks."""
    started: datetime | None
    """The start time of its process. None while it is down, or when the system does not report it."""

    @property
    def ready(self) -> bool:
        return self.state == "ready"


def statuses(endpoints: Sequence[Endpoint]) -> list[Status]:
    """Return the state of every service. Requests run at the same time, with a timeout of 5 seconds."""
    with ThreadPoolExecutor(max_workers=len(endpoints)) as threads:
        return list(threads.map(_status, endpoints))


def table(statuses: Sequence[Status]) -> str:
    """Return the table as text."""
    rows = [_HEADINGS, *(_row(status) for status in statuses)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def dashboard_address() -> str | None:
    """Return the address with which a browser enters the dashboard; None where it is off."""
    port = other_ports().get("dashboard")
    if port is None or not DASHBOARD_TOKEN_FILE.exists():
        return None
    return f"http://127.0.0.1:{port}/?token={DASHBOARD_TOKEN_FILE.read_text(encoding='ascii')}"


def _row(status: Status) -> tuple[str, ...]:
    url = status.endpoint.url
    started = f"{status.started:%H:%M:%S}" if status.started else "-"
    return status.endpoint.service.name, url, f"{url}/api/v1/docs", started, status.state


def _status(endpoint: Endpoint) -> Status:
    try:
        readiness = json.loads(_get(f"{endpoint.url}/health/ready"))
        started = _START_TIME.search(_get(f"{endpoint.url}/metrics"))
        failed = [name for name, check in readiness["checks"].items() if check["status"] != "ok"]
    except OSError:
        return Status(endpoint, "down", None)
    except (ValueError, KeyError):
        return Status(endpoint, "another program uses this port", None)
    state = f"not ready: {', '.join(failed)}" if failed else readiness["status"].replace("_", " ")
    return Status(endpoint, state, datetime.fromtimestamp(float(started[1])) if started else None)


def _get(url: str) -> str:
    try:
        with _opener.open(url, timeout=_TIMEOUT_SECONDS) as response:
            text: str = response.read().decode()
    except urllib.error.HTTPError as error:  # the body of a 503 has the failed checks
        text = error.read().decode()
    return text
