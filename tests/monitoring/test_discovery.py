"""Prometheus finds all replicas of each service by DNS, with the configurations of deploy/prometheus as they are.

A name server of this test gives two addresses for each name, as Docker does for two replicas. Prometheus asks the name
servers of /etc/resolv.conf, so it runs in a mount namespace where this file is another one. This needs root.
"""

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cathouse_kit.registry import load_registry
from cathouse_kit.testing import free_port, is_ready, wait_until

from .expressions import ROOT

SERVICES = load_registry(ROOT / "services.toml")
NAME_SERVER = "127.53.0.1"
REPLICAS = ("127.0.0.1", "127.0.0.2")


class NameServer(threading.Thread):
    """Responds to each request for addresses (RFC 1035, section 4) with `REPLICAS`, and keeps the names."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((NAME_SERVER, 53))

    def run(self) -> None:
        while True:
            request, client = self._socket.recvfrom(4096)
            if not request:
                return
            end = request.index(b"\0", 12) + 5  # the name, its type and its class
            self.names.add(_requested_name(request[12:]))
            header = request[:2] + b"\x81\x80\0\1" + len(REPLICAS).to_bytes(2) + bytes(4)
            # A pointer to the name, type A, class IN, ten seconds, four bytes.
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4"
            answers = b"".join(answer + socket.inet_aton(address) for address in REPLICAS)
            self._socket.sendto(header + request[12:end] + answers, client)

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"", (NAME_SERVER, 53))
        self.join()
        self._socket.close()


def _requested_name(question: bytes) -> str:
    labels = []
    while length := question[0]:
        labels.append(question[1 : length + 1].decode())
        question = question[length + 1 :]
    return ".".join(labels)


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    try:
        server = NameServer()
    except PermissionError:
        pytest.fail("this test needs root, for the port 53 and a mount", pytrace=False)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("deployment", "prefix"), [("compose", ""), ("swarm", "tasks.")], ids=["compose", "swarm"]
)
def test_prometheus_finds_all_replicas_by_their_names(
    name_server: NameServer, tmp_path: Path, deployment: str, prefix: str
) -> None:
    program = shutil.which("prometheus")
    assert program, "this test needs prometheus on the PATH: Debian's package prometheus"
    resolv = tmp_path / "resolv.conf"
    resolv.write_text(f"nameserver {NAME_SERVER}\noptions ndots:0\n")  # as in a container
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        f"mount --bind '{resolv}' /etc/resolv.conf && exec \"$@\"",
        "sh",
        program,
        f"--config.file={ROOT}/deploy/prometheus/{deployment}.yaml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address={url.removeprefix('http://')}",
    ]
    expected = {service.name: service.port for service in SERVICES} | {"node": 9100}
    log = tmp_path / "prometheus.log"

    def targets() -> set[tuple[str, str]]:
        body = httpx.get(f"{url}/api/v1/targets", timeout=10, trust_env=False).json()
        return {
            (each["labels"]["job"], each["labels"]["instance"])
            for each in body["data"]["activeTargets"]
        }

    with log.open("wb") as output, subprocess.Popen(command, stderr=output) as process:
        try:
            wait_until("Prometheus", lambda: is_ready(url, "/-/ready"))
            wait_until("targets", lambda: len(targets()) == len(REPLICAS) * len(expected))
            assert targets() == {
                (job, f"{address}:{port}") for job, port in expected.items() for address in REPLICAS
            }
        finally:
            process.kill()
            print(log.read_text())
    names = {prefix + service.name for service in SERVICES} | {f"{prefix}node-exporter"}
    assert name_server.names == names | {"alertmanager"}
