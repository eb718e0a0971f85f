"""A development stack of its own: a copy of the repository, on free ports, run as `make up` runs it."""

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
# What Python has compiled is copied: with it every process of a copy starts sooner.
NOT_COPIED = (".git", ".venv", ".state", ".*_cache", ".hypothesis", "node_modules")


def process_compose() -> str:
    """The program that runs the stack: PROCESS_COMPOSE, else the project's own."""
    return os.environ.get("PROCESS_COMPOSE", "process-compose-python")


def copy_repository(folder: Path) -> Path:
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED), symlinks=True)
    return folder


@dataclass
class Stack:
    """A stack that was told to start."""

    folder: Path
    ports: dict[str, int]
    environment: dict[str, str]
    prefix: tuple[str, ...] = ()
    """The command that starts the runner, such as `unshare --mount`; it must become the runner by exec."""
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
        """Runs another command of process-compose on this stack."""
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
        """What it has printed so far."""
        return self.output.read_text(errors="replace")

    def log(self, name: str) -> str:
        """What a process has logged so far."""
        path = self.folder / ".state/logs" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def get(self, name: str, path: str) -> httpx.Response | None:
        """The answer of a service; None if there is none."""
        try:
            # verify: to load certificates for plain HTTP would take longer than the request.
            return httpx.get(self.url(name) + path, timeout=5, trust_env=False, verify=False)
        except httpx.TransportError:
            return None

    def ready(self, name: str) -> bool:
        return is_ready(self.url(name))

    def started(self, name: str) -> float | None:
        """When the process that answers was started; None if none answers."""
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
            print(self.said())  # pytest shows it where this fails
        assert self.process.poll() is None

    def answering_process(self, name: str) -> psutil.Process:
        """The process that listens on a service's port."""
        for process in self.descendants():
            try:
                connections = process.net_connections("tcp")
            except psutil.NoSuchProcess:
                continue  # such as a probe of readiness, which is over by now
            for connection in connections:
                listens = connection.status == psutil.CONN_LISTEN
                if listens and connection.laddr[1] == self.ports[name]:
                    return process
        raise AssertionError(f"nobody listens for {name}")

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, sig: signal.Signals = signal.SIGTERM, seconds: float = 40) -> int:
        """Signals it and waits; returns its exit status."""
        self.process.send_signal(sig)
        return self.process.wait(timeout=seconds)


@contextmanager
def stack_in(folder: Path, services: Sequence[Service] | None = None) -> Iterator[Stack]:
    """A stack in a copy of the repository, not yet started; nothing of it is left running afterwards."""
    copy_repository(folder)
    services = services or load_registry(folder / "services.toml")
    names = [*(service.name for service in services), "gateway", "tasks"]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    packages = [p.parent for p in sorted(folder.glob("*/pyproject.toml"))]
    packages += [p.parent for p in sorted(folder.glob("*/*/pyproject.toml"))]
    environment = {
        **os.environ,
        **{service.port_variable: str(ports[service.name]) for service in services},
        "GATEWAY_PORT": str(ports["gateway"]),
        "TASKS_PORT": str(ports["tasks"]),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        # Before the installed packages, which are those of the original.
        "PYTHONPATH": os.pathsep.join(map(str, packages)),
        "PYTHONDONTWRITEBYTECODE": "",
        # What is inherited here is meant: PYTHONPATH leads to the copy.
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
