import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from .running import RunningProject


@pytest.fixture
def runner() -> list[str]:
    """This project's own program."""
    return [sys.executable, "-m", "process_compose"]


@pytest.fixture
def project(runner: list[str], tmp_path: Path) -> Iterator[RunningProject]:
    project = RunningProject(runner, tmp_path)
    yield project
    project.close()


class HealthServer(ThreadingHTTPServer):
    """Answers every GET with `status`, and counts them."""

    def __init__(self) -> None:
        self.status = 503
        self.asked = 0
        super().__init__(("127.0.0.1", 0), _Answer, bind_and_activate=False)
        # Bound and not yet listening: the port is taken, and connections are refused.
        self.server_bind()


class _Answer(BaseHTTPRequestHandler):
    server: HealthServer

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def closed_health_server() -> Iterator[HealthServer]:
    """Refuses connections until its `server_activate()` is called."""
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
