"""The gateway, with a stand-in for each service that returns what reached it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
from cathouse_kit.registry import load_registry
from cathouse_kit.testing import free_port, is_ready, serving, wait_until

ROOT = Path(__file__).parents[2]
SERVICES = {service.name: service for service in load_registry(ROOT / "services.toml")}


def stand_in(name: str) -> type[BaseHTTPRequestHandler]:
    class StandIn(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            target = self.requestline.split(" ")[1]
            reached = {
                "service": name,
                # As the services' server decodes it: once.
                "path": unquote(target.partition("?")[0]),
                "headers": {key.lower(): value for key, value in self.headers.items()},
            }
            content = json.dumps(reached).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    return StandIn


@dataclass(frozen=True)
class Gateway:
    """A running gateway."""

    url: str
    port: int
    log: Path
    """Its access log and its own lines, as JSON."""
    client: httpx.Client

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, **options)


@contextmanager
def started_gateway(folder: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start the gateway of the repository. Its output is in the file `log` of the folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    caddy = shutil.which("caddy", path=path)
    assert caddy, "caddy is missing: run make install, or enter the Nix shell"
    own = {
        "PATH": path,
        "XDG_CONFIG_HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "OTEL_TRACES_EXPORTER": "none",
    }
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [caddy, "run", "--adapter", "caddyfile", "--config", "deploy/gateway/Caddyfile"],
            cwd=ROOT,
            env=own | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def running_gateway(folder: Path, **upstreams: str) -> Iterator[Gateway]:
    """The gateway of the repository, with all services behind it. `upstreams` has other addresses by service."""
    port = free_port()
    with ExitStack() as stack:
        environment = {"GATEWAY_ADDRESS": f"http://:{port}"}
        for name in SERVICES:
            upstream = upstreams.get(name) or stack.enter_context(serving(stand_in(name)))
            environment[f"{name.upper()}_UPSTREAM"] = upstream.removeprefix("http://")
        process = stack.enter_context(started_gateway(folder, **environment))
        url = f"http://127.0.0.1:{port}"
        wait_until("the gateway", lambda: process.poll() is not None or is_ready(url, "/health"))
        assert process.poll() is None, (folder / "log").read_text()
        client = stack.enter_context(httpx.Client(base_url=url, timeout=60, trust_env=False))
        yield Gateway(url, port, folder / "log", client)
