"""The measured processes, each on its core: services, started as in an image, and their baselines."""

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from cathouse_kit.registry import load_registry
from cathouse_kit.testing import free_port

ROOT = Path(__file__).parents[1]
_START_SECONDS = 60.0
# No limit may end a measurement early.
_SETTINGS = {
    "LOGIN_LIMIT_BY_ADDRESS": "1000000000/minute",
    "REGISTER_LIMIT_BY_ADDRESS": "1000000000/minute",
    "RATE_LIMIT_PER_INSTALLATION": "1000000000/minute",
    "MAX_CATS_PER_DEVELOPER": "1000",
    "MAX_DRAFTS_PER_DEVELOPER": "1000",
    "CATALOG_ALLOW_HTTP_ENDPOINTS": "true",
    "PROXY_ALLOW_PRIVATE_UPSTREAMS": "true",
    "LOG_FORMAT": "json",
}


@dataclass(frozen=True)
class Served:
    """A process that responds."""

    process: psutil.Process
    url: str


class Machine:
    """Starts processes of the services in `tree`, in a temporary folder. Its `ExitStack` ends them.

    It uses two cores: one for services and baselines, the other for PostgreSQL, the cat and the load.
    """

    def __init__(self, stack: ExitStack, folder: Path, tree: Path) -> None:
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise SystemExit("bench: two cores are needed, for the services and for the load")
        self._service_core, self._load_core = cores[:2]
        os.sched_setaffinity(0, {self._load_core})
        self._stack = stack
        self._folder = folder
        self._log = folder / "log"
        self._tree = tree
        self._python = tree / ".venv/bin/python"
        if tree == ROOT or not self._python.exists():
            self._python = Path(sys.executable)
        names = [service.name for service in load_registry()]
        self._ports = {name: free_port() for name in names}
        urls = {f"{name}_URL".upper(): self.url(name) for name in names}
        self._settings = {
            **_SETTINGS,
            **urls,
            "SERVICE_TOKEN": secrets.token_urlsafe(32),
            "SECRETS_DIR": str(folder / "secrets"),
        }

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self._ports[service]}"

    def database_url(self, role: str) -> str:
        return (self._folder / "secrets" / role / "database_url").read_text().strip()

    def postgres(self) -> None:
        """Start a PostgreSQL with the newest tables of every service. It syncs to disk, as in production."""
        state = {"STATE_DIR": str(self._folder)}
        postgres = self._start(
            self._load_core,
            *("cathouse_postgres", "run"),
            cwd=self._tree,
            python=self._python,
            environment=state,
        )
        self._wait(postgres, lambda: self._run("cathouse_postgres", "ready", **state) is None)
        self._must_run("cathouse_postgres", "provision", **state)
        self._must_run("cathouse_migrate", "--settings-root", "services", **self._settings)

    def service(self, name: str) -> Served:
        """Start a service as an image does: one process, no reload, JSON logs."""
        process = self._start(
            self._service_core,
            *(f"cathouse_{name}", "serve"),
            cwd=self._folder,
            python=self._python,
            environment=self._settings | {"PORT": str(self._ports[name])},
        )
        return self._served(process, self.url(name))

    def traced_service(self, name: str, collector: str) -> Served:
        """Start a second process of a service, which exports all its traces to `collector`."""
        port = free_port()
        process = self._start(
            self._service_core,
            *(f"cathouse_{name}", "serve"),
            cwd=self._folder,
            python=self._python,
            environment=self._settings
            | {"PORT": str(port), "OTEL_EXPORTER_OTLP_ENDPOINT": collector},
        )
        return self._served(process, f"http://127.0.0.1:{port}")

    def gateway(self) -> Served:
        """Start the gateway on the core of the services. It logs each request, as in a deployment."""
        port = free_port()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        caddy = shutil.which("caddy", path=path)
        if caddy is None:
            raise SystemExit("bench: caddy is missing: run make install")
        upstreams = {
            f"{name.upper()}_UPSTREAM": f"127.0.0.1:{port}" for name, port in self._ports.items()
        }
        process = self._start_program(
            self._service_core,
            [caddy, "run", "--adapter", "caddyfile", "--config", "deploy/gateway/Caddyfile"],
            cwd=self._tree,
            environment={
                **upstreams,
                "GATEWAY_ADDRESS": f"http://:{port}",
                "OTEL_TRACES_EXPORTER": "none",
                "XDG_CONFIG_HOME": str(self._folder),
                "XDG_DATA_HOME": str(self._folder),
            },
        )
        return self._served(process, f"http://127.0.0.1:{port}")

    def command(self, name: str, *words: str, typed: str) -> None:
        """Run a command of a service, with `typed` on its standard input."""
        self._must_run(f"cathouse_{name}", *words, typed=typed, **self._settings)

    def peer(self, module: str, *, beside_load: bool = False, **environment: str) -> Served:
        """Start a baseline with uvicorn. `beside_load` puts it on the core of the load."""
        port = free_port()
        core = self._load_core if beside_load else self._service_core
        options = ("--port", str(port), "--no-access-log", "--log-level", "warning")
        process = self._start(
            core,
            *("uvicorn", f"bench.peers.{module}:app", *options),
            cwd=ROOT,
            python=Path(sys.executable),
            environment=environment,
        )
        return self._served(process, f"http://127.0.0.1:{port}")

    def _must_run(self, *words: str, **options: str) -> None:
        if failure := self._run(*words, **options):
            raise SystemExit(f"bench: {' '.join(words)} failed: {failure}")

    def _run(self, *words: str, typed: str = "", **environment: str) -> str | None:
        """Run a module of the tree; return its output if it fails, else None."""
        done = subprocess.run(  # noqa: S603 - our own words
            [str(self._python), "-m", *words],
            cwd=self._tree,
            env={"PATH": os.environ["PATH"], **environment},
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )
        return None if done.returncode == 0 else f"{done.stdout}{done.stderr}" or "no output"

    def _start(
        self, core: int, *words: str, cwd: Path, python: Path, environment: Mapping[str, str]
    ) -> psutil.Popen:
        return self._start_program(
            core, [str(python), "-m", *words], cwd=cwd, environment=environment
        )

    def _start_program(
        self, core: int, command: list[str], *, cwd: Path, environment: Mapping[str, str]
    ) -> psutil.Popen:
        log = self._stack.enter_context(self._log.open("ab"))
        process = psutil.Popen(
            command,
            cwd=cwd,
            env={"PATH": os.environ["PATH"], **environment},
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)
        # At once: what it starts later, threads and processes, runs there too.
        process.cpu_affinity([core])
        return process

    def _served(self, process: psutil.Popen, url: str) -> Served:
        self._wait(process, lambda: _responds(f"{url}/health"))
        return Served(process, url)

    def _wait(self, process: psutil.Popen, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not condition():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"bench: a process does not start: {self._log.read_text()}")
            time.sleep(0.05)


def _responds(url: str) -> bool:
    try:
        httpx.get(url, trust_env=False)
    except httpx.TransportError:
        return False
    return True
