import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from .running import RunningProject


@pytest.fixture
def runner() -> list[str]:
    """Return the program of this project."""
    return [sys.executable, "-m", "process_compose"]


@pytest.fixture
def project(runner: list[str], tmp_path: Path) -> Iterator[RunningProject]:
    project = RunningProject(runner, tmp_path)
    yield project
    project.close()


class HealthServer(ThreadingHTTPServer):
    """Responds to every GET with `status`, and counts the requests."""

    def __init__(self) -> None:
        self.status = 503
        self.requests = 0
        super().__init__(("127.0.0.1", 0), _HealthHandler, bind_and_activate=False)
        # The port is bound but does not listen yet, so connections are refused.
        self.server_bind()


class _HealthHandler(BaseHTTPRequestHandler):
    server: HealthServer

    def do_GET(self) -> None:
        self.server.requests += 1
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def closed_health_server() -> Iterator[HealthServer]:
    """Yield a server that refuses connections until `server_activate()` is called."""
    with HealthServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def health_server(closed_health_server: HealthServer) -> HealthServer:
    closed_health_server.server_activate()
    return closed_health_server
