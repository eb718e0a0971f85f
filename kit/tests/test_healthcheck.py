"""The health check of the images."""

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler

import pytest
from cathouse_kit.testing import free_port, serving


def service(status: int) -> type[BaseHTTPRequestHandler]:
    """Return a service that was ready once if `status` is 200. It is not ready now."""

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/started" else 503)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Service


def check(port: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cathouse_kit.healthcheck"],
        env={**os.environ, "PORT": port}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_service_that_was_ready_once_is_healthy() -> None:
    with serving(service(200)) as url:
        result = check(url.rpartition(":")[2])
    assert (result.returncode, result.stderr) == (0, "")


def test_a_service_that_was_never_ready_is_not_healthy() -> None:
    with serving(service(503)) as url:
        port = url.rpartition(":")[2]
        result = check(port)
    assert result.returncode == 1
    assert result.stderr == f"the service at port {port} was never ready: status 503\n"


def test_a_service_that_does_not_respond_is_not_healthy() -> None:
    port = free_port()
    result = check(str(port))
    assert result.returncode == 1
    assert result.stderr.startswith(f"port {port} does not respond: ")


@pytest.mark.parametrize("port", ["", "80a", "-1"])
def test_a_missing_port_is_named(port: str) -> None:
    result = check(port)
    assert result.returncode == 1
    assert "set PORT to the port of the service" in result.stderr


def test_it_imports_no_other_module_of_the_kit_and_no_parser() -> None:
    source = "import cathouse_kit.healthcheck, sys; print(*sys.modules, sep='\\n')"
    result = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    imported = set(result.stdout.split())
    assert {name for name in imported if name.startswith("cathouse")} == {
        "cathouse_kit", "cathouse_kit.healthcheck"
    }  # fmt: skip
    assert not imported & {"argparse", "asyncio", "httpx", "inspect"}
