import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from cathouse_kit.registry import Service
from cathouse_stack.ports import Endpoint
from cathouse_stack.status import statuses, table

READY = {
    "status": "ready",
    "checks": {"database": {"status": "ok"}, "migrations": {"status": "ok"}},
}
PENDING = {
    "status": "not_ready",
    "checks": {"database": {"status": "ok"}, "migrations": {"status": "pending"}},
}
STOPPING = READY | {"status": "not_ready"}


@contextmanager
def responding(status: int, body: str) -> Iterator[int]:
    """Run a server that returns this response on /health/ready, and yield its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            probe = self.path == "/health/ready"
            self.send_response(status if probe else 200)
            self.end_headers()
            self.wfile.write((body if probe else "process_start_time_seconds 1.0\n").encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, json.dumps(READY), "ready"),
        (503, json.dumps(PENDING), "not ready: migrations"),
        (503, json.dumps(STOPPING), "not ready"),
        (200, "<html>", "another program uses this port"),
        (404, '{"detail": "Not Found"}', "another program uses this port"),
    ],
)
def test_status_shows_the_state_of_a_service(
    services: tuple[Service, ...], status: int, body: str, state: str
) -> None:
    with responding(status, body) as port:
        (found,) = statuses([Endpoint(services[0], port)])
    assert found.state == state
    assert found.ready == (state == "ready")
    assert f"http://127.0.0.1:{port}/api/v1/docs" in table([found])


def test_a_service_that_does_not_run_is_down(
    services: tuple[Service, ...], unused_tcp_port: int
) -> None:
    (found,) = statuses([Endpoint(services[0], unused_tcp_port)])
    assert (found.state, found.started) == ("down", None)
