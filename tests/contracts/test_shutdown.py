"""A service as a process: it starts, responds, and ends on SIGTERM without losing a request."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cathouse_kit.registry import Service
from cathouse_kit.testing import RevocationList, identity_server, is_ready, wait_until

# Runs `python -m PACKAGE serve` with one more route, which responds when the whole body has arrived. So a request can
# be in flight for long in every service.
PROGRAM = """
import importlib, runpy, sys

from cathouse_kit.security import anyone
from fastapi import Depends, Request

package = sys.argv.pop(1)
main = importlib.import_module(package + ".main")
create_app = main.create_app

async def slow(request: Request) -> int:
    return len(await request.body())

def with_a_slow_route(settings):
    app = create_app(settings)
    app.add_api_route("/slow", slow, methods=["POST"], dependencies=[Depends(anyone)])
    return app

main.create_app = with_a_slow_route
runpy.run_module(package, run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def url(
    service: Service,
    database_urls: dict[str, str],
    service_token: str,
    unused_tcp_port: int,
    tmp_path: Path,
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    command = [sys.executable, "-c", PROGRAM, service.package, "serve"]
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": str(unused_tcp_port),
        "DATABASE_URL": database_urls[service.name],
        "SERVICE_TOKEN": service_token,
    }
    url = f"http://127.0.0.1:{unused_tcp_port}"
    with (
        identity_server(RevocationList()) as auth,
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment | {"AUTH_URL": auth},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        try:
            wait_until("the service", lambda: process.poll() is not None or is_ready(url))
            assert process.poll() is None, process.communicate()[0]
            yield url, process
        finally:
            process.kill()


def test_sigterm_lets_a_request_in_flight_finish_and_refuses_readiness_meanwhile(
    url: tuple[str, "subprocess.Popen[str]"],
) -> None:
    root, process = url
    host, port = root.removeprefix("http://").split(":")
    with (
        httpx.Client(base_url=root, trust_env=False) as probe,
        socket.create_connection((host, int(port)), timeout=20) as slow,
    ):
        slow.sendall(b"POST /slow HTTP/1.1\r\nHost: cathouse\r\nContent-Length: 2\r\n\r\n{")
        # The running request, and this request for metrics.
        wait_until(
            "the request to begin",
            lambda: "http_requests_in_flight 2.0" in probe.get("/metrics").text,
        )
        process.send_signal(signal.SIGTERM)
        wait_until("readiness to be refused", lambda: probe.get("/health/ready").status_code == 503)
        assert process.poll() is None
        slow.sendall(b"}")
        answer = slow.recv(65536)
    output, _ = process.communicate(timeout=20)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert process.returncode == 0
    lines = [json.loads(line) for line in output.splitlines()]
    assert lines[-1]["message"] == "stopped"
    assert not [line for line in lines if line["level"] in ("error", "critical")]
