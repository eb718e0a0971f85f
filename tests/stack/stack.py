"""A separate development stack: a copy of the repository, on free ports, run as `make up` does."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from cathouse_kit.registry import Service, load_registry
from cathouse_kit.testing import free_ports, is_ready, wait_until

ROOT = Path(__file__).parents[2]
SOCKET = ".state/process-compose.sock"
# Compiled modules are copied, so that processes start sooner.
NOT_COPIED = (".git", ".venv", ".state", ".*_cache", ".hypothesis", "node_modules")


def process_compose() -> str:
    """Return the program that runs the stack: PROCESS_COMPOSE, or the project's own."""
    return os.environ.get("PROCESS_COMPOSE", "process-compose-python")


def copy_repository(folder: Path) -> Path:
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED), symlinks=True)
    return folder


@dataclass
class Stack:
    """A stack that is starting or running."""

    folder: Path
    ports: dict[str, int]
    environment: dict[str, str]
    prefix: tuple[str, ...] = ()
    """A command that starts the runner, such as `unshare --mount`. It must replace itself by the runner."""
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *self.prefix,
                    *self.command(
                        "up", "-f", "process-compose.yaml", "-t=false", "--disable-dotenv"
                    ),
                ],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def command(self, *words: str) -> list[str]:
        return [process_compose(), *words, "--use-uds", "--unix-socket", SOCKET]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command of process-compose on this stack."""
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def output(self) -> Path:
        return self.folder / "output"

    def said(self) -> str:
        """Return the output so far."""
        return self.output.read_text(errors="replace")

    def log(self, name: str) -> str:
        """Return the log of a process so far."""
        path = self.folder / ".state/logs" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def get(self, name: str, path: str) -> httpx.Response | None:
        """Return the response of a service, or None if it does not respond."""
        try:
            # verify: loading certificates would take longer than this request over plain HTTP.
            return httpx.get(self.url(name) + path, timeout=5, trust_env=False, verify=False)
        except httpx.TransportError:
            return None

    def ready(self, name: str) -> bool:
        return is_ready(self.url(name))

    def started(self, name: str) -> float | None:
        """Return the start time of the process that responds, or None if there is none."""
        response = self.get(name, "/metrics")
        if response is None:
            return None
        found = re.search(r"^process_start_time_seconds (\S+)$", response.text, re.MULTILINE)
        return float(found[1]) if found else None

    def wait_until_up(self, seconds: float = 600) -> None:
        def ended_or_up() -> bool:
            return self.process.poll() is not None or "Cat House is up" in self.said()

        try:
            wait_until("the stack", ended_or_up, seconds)
        finally:
            print(self.said())  # pytest prints it if this fails
        assert self.process.poll() is None

    def answering_process(self, name: str) -> psutil.Process:
        """Return the process that listens on a service's port."""
        for process in self.descendants():
            try:
                connections = process.net_connections("tcp")
            except psutil.NoSuchProcess:
                continue  # such as a readiness probe that has just ended
            for connection in connections:
                listens = connection.status == psutil.CONN_LISTEN
                if listens and connection.laddr[1] == self.ports[name]:
                    return process
        raise AssertionError(f"nobody listens for {name}")

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, sig: signal.Signals = signal.SIGTERM, seconds: float = 40) -> int:
        """Send the stack a signal, and wait. Return its exit status."""
        self.process.send_signal(sig)
        return self.process.wait(timeout=seconds)


@contextmanager
def stack_in(
    folder: Path, services: Sequence[Service] | None = None, *, dashboard: bool = False
) -> Iterator[Stack]:
    """Prepare a stack in a copy of the repository, without starting it. Stops it afterwards.

    Without `dashboard`, it is like `make up DASHBOARD=off`.
    """
    copy_repository(folder)
    services = services or load_registry(folder / "services.toml")
    names = [*(service.name for service in services), "gateway", "tasks", "dashboard"]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    packages = [p.parent for p in sorted(folder.glob("*/pyproject.toml"))]
    packages += [p.parent for p in sorted(folder.glob("*/*/pyproject.toml"))]
    environment = {
        **os.environ,
        **{service.port_variable: str(ports[service.name]) for service in services},
        "GATEWAY_PORT": str(ports["gateway"]),
        "TASKS_PORT": str(ports["tasks"]),
        "DASHBOARD_PORT": str(ports["dashboard"]),
        **({} if dashboard else {"DASHBOARD_DISABLED": "true", "OTEL_TRACES_EXPORTER": "none"}),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        # The copy comes before the installed packages, which are those of the original.
        "PYTHONPATH": os.pathsep.join(map(str, packages)),
        "PYTHONDONTWRITEBYTECODE": "",
        # The stack must inherit these variables on purpose: PYTHONPATH leads to the copy.
        "CATHOUSE_NOT_INHERITED": "",
        "PC_LOG_FILE": ".state/logs/process-compose.log",
        "PROC_COMP_CONFIG": ".state",
    }
    environment.pop("SECRETS_DIR", None)
    (folder / ".state/logs").mkdir(parents=True)
    stack = Stack(folder, ports, environment)
    try:
        yield stack
    finally:
        if hasattr(stack, "process") and stack.process.poll() is None:
            left = stack.descendants()
            stack.process.kill()
            stack.process.wait()
            for process in left:
                try:
                    process.kill()
                except psutil.NoSuchProcess:
                    continue
