"""A service as the process that it is: it starts, answers, and ends when it is told to, losing nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cathouse_kit.registry import Service


@pytest.fixture
def url(
    service: Service,
    database_urls: dict[str, str],
    service_token: str,
    unused_tcp_port: int,
    tmp_path: Path,
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    process = subprocess.Popen(
        [sys.executable, "-m", service.package, "serve"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PORT": str(unused_tcp_port),
            "DATABASE_URL": database_urls[service.name],
            "SERVICE_TOKEN": service_token,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    url = f"http://127.0.0.1:{unused_tcp_port}"
    try:
        deadline = time.monotonic() + 30
        while not answers(url):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
        yield url, process
    finally:
        process.kill()
        process.communicate()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_sigterm_lets_a_request_in_flight_finish_and_refuses_readiness_meanwhile(
    url: tuple[str, "subprocess.Popen[str]"],
) -> None:
    root, process = url
    host, port = root.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as slow:
        # A request whose body is not all there yet is in flight.
        slow.sendall(
            b"POST /nowhere HTTP/1.1\r\nHost: cathouse\r\nContent-Type: application/json\r\n"
            b"Content-Length: 2\r\n\r\n{"
        )
        with httpx.Client(base_url=root, trust_env=False) as probe:
            assert probe.get("/health/ready").status_code == 200
            process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + 10
            while probe.get("/health/ready").status_code != 503:
                assert time.monotonic() < deadline
            assert process.poll() is None
        slow.sendall(b"}")
        answer = slow.recv(65536)
    output, _ = process.communicate(timeout=20)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert process.returncode == 0
    lines = [json.loads(line) for line in output.splitlines()]
    assert lines[-1]["message"] == "stopped"
    assert not [line for line in lines if line["level"] in ("error", "critical")]
