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
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cathouse_kit.registry import Service


@pytest.fixture
def silent_peer() -> Iterator[socket.socket]:
    """Takes connections and says nothing: who asks it waits."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def url(
    service: Service,
    database_urls: dict[str, str],
    service_token: str,
    silent_peer: socket.socket,
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
            **{
                f"{name.upper()}_URL": f"http://127.0.0.1:{silent_peer.getsockname()[1]}"
                for name in service.calls
            },
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


def slow_request(service: Service, description: dict[str, Any]) -> tuple[bytes, bytes]:
    """A request that is in flight until its second part is there, or until the silent peer is gone."""
    for path, operations in description["paths"].items():
        body = operations.get("post", {}).get("requestBody")
        if body and "{" not in path:
            (kind,) = body["content"]
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: 2\r\n\r\n{{"
            return head.encode(), b"}"
    # One that takes no bodies of its own asks a peer whose credential this is.
    path = f"{service.prefix}/{uuid4()}/anything"
    credential = "cat_" + "x" * 43
    return (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {credential}\r\n\r\n".encode(),
        b"",
    )


def test_sigterm_lets_a_request_in_flight_finish_and_refuses_readiness_meanwhile(
    service: Service, url: tuple[str, "subprocess.Popen[str]"], silent_peer: socket.socket
) -> None:
    root, process = url
    host, port = root.removeprefix("http://").split(":")
    with (
        httpx.Client(base_url=root, trust_env=False) as probe,
        socket.create_connection((host, int(port)), timeout=20) as slow,
    ):
        request, rest = slow_request(service, probe.get("/api/v1/openapi.json").json())
        slow.sendall(request)
        # This one, and the question itself.
        while "http_requests_in_flight 2.0" not in probe.get("/metrics").text:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        while probe.get("/health/ready").status_code != 503:
            assert time.monotonic() < deadline
        assert process.poll() is None
        slow.sendall(rest)
        silent_peer.close()
        answer = slow.recv(65536)
    output, _ = process.communicate(timeout=20)
    assert answer.startswith(b"HTTP/1.1 ")
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert process.returncode == 0
    lines = [json.loads(line) for line in output.splitlines()]
    assert lines[-1]["message"] == "stopped"
    assert not [line for line in lines if line["level"] in ("error", "critical")]
