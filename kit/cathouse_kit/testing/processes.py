"""Tools for processes that tests start: free ports, and functions that wait for a condition."""

import asyncio
import socket
import time
from collections.abc import Callable
from inspect import isawaitable
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
# Long enough for a busy machine. A test that passes never waits this long.
_PATIENCE_SECONDS = 60.0


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def free_port() -> int:
    """Return a port that nothing listens on."""
    return free_ports(1)[0]


def is_ready(url: str, path: str = "/health/ready") -> bool:
    """Return whether a process responds with 200 to a GET of this path."""
    try:
        # Plain HTTP needs no certificates, and loading them costs more than the request.
        response = httpx.get(url + path, timeout=5, trust_env=False, verify=False)  # noqa: S501
    except httpx.TransportError:
        return False
    return response.status_code == 200


def wait_until(what: str, condition: Callable[[], T], seconds: float = _PATIENCE_SECONDS) -> T:
    """Poll the condition until it holds, and return its result. After `seconds`, fail the test with `what`."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.02)
    return result


async def eventually(
    what: str, condition: Callable[[], Any], seconds: float = _PATIENCE_SECONDS
) -> Any:
    """Wait like `wait_until`, without blocking the event loop. The condition may be async."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if isawaitable(result):
            result = await result
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        await asyncio.sleep(0.005)
