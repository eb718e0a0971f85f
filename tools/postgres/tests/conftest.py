"""Real clusters in a folder with a space and an é in its name, and the command as a user runs it."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Protocol

import pytest
from cathouse_kit.registry import Service
from cathouse_kit.testing import wait_until
from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.ready import check_ready
from cathouse_postgres.settings import Settings, State
from cathouse_postgres.testing import TemporaryServer, temporary_server

# Only root can switch to another account, so these tests do not exist for other users.
collect_ignore = [] if os.geteuid() == 0 else ["test_running_as_root.py"]

SERVICES_TOML = """\
[auth]
description = "People"
package = "cathouse_auth"
port = 8005
prefix = "/api/v1/auth"
schema = "auth"
extensions = []
calls = []

[catalog]
description = "Cats"
package = "cathouse_catalog"
port = 8002
prefix = "/api/v1/catalog"
schema = "catalog"
extensions = ["pg_trgm"]
calls = ["auth"]
"""


Responding = Callable[[bytes], int]


class MakeService(Protocol):
    def __call__(self, name: str, *extensions: str) -> Service: ...


class Tool:
    """The command in one checkout. `folder` is the root of the repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = State(folder / ".state")
        self.environment = {
            name: value for name, value in os.environ.items() if name != "POSTGRES_URL"
        }
        self.environment["STATE_DIR"] = ".state"
        self.prefix: tuple[str, ...] = ()
        self._log = folder / "log"
        self._started: list[subprocess.Popen[bytes]] = []
        (folder / "services.toml").write_text(SERVICES_TOML)
        self.clear_log()

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._argv(*words),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def begin(self, command: str) -> subprocess.Popen[bytes]:
        """Start the command without waiting for it. Its output goes to the log."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                self._argv(command), cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
        self._started.append(process)
        return process

    def start_ready(self) -> subprocess.Popen[bytes]:
        process = self.begin("run")
        wait_until("the server", lambda: process.poll() is not None or self._is_ready())
        assert process.poll() is None, self.log
        assert self.call("ready").returncode == 0
        return process

    def stop(self, process: subprocess.Popen[bytes], signal_number: int = signal.SIGINT) -> int:
        process.send_signal(signal_number)
        return process.wait(20)

    def stop_all(self) -> None:
        for process in self._started:
            if process.poll() is None:
                self.stop(process)
        self._started.clear()

    def clear_log(self) -> None:
        self._log.write_text("")

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def superuser_url(self) -> str:
        password = self.state.superuser_password.read_text()
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/postgres"

    @property
    def port(self) -> int:
        return int(self.state.port.read_text())

    def service_url(self, service: str) -> str:
        return self.state.database_url(service).read_text()

    def _is_ready(self) -> bool:
        # Polled many times. A process for each check would take CPU time from the server that starts.
        try:
            check_ready(Settings(self.state, None, None))
        except PostgresToolError:
            return False
        return True

    def _argv(self, *words: str) -> list[str]:
        return [*self.prefix, sys.executable, "-m", "cathouse_postgres", *words]


@contextmanager
def temporary_open_folder() -> Iterator[Path]:
    """Yield a folder that every account can enter, unlike the folder of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="cat é house "))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    with temporary_open_folder() as folder:
        yield folder


@pytest.fixture
def tool() -> Iterator[Tool]:
    """Yield a fresh checkout, and stop its processes at the end."""
    with temporary_open_folder() as folder:
        tool = Tool(folder)
        yield tool
        tool.stop_all()


@pytest.fixture(scope="session")
def created_once() -> Iterator[Tool]:
    """Yield a checkout with a server that has run, was provisioned, and has stopped."""
    with temporary_open_folder() as folder:
        tool = Tool(folder)
        process = tool.start_ready()
        provisioned = tool.call("provision")
        assert provisioned.returncode == 0, provisioned.stderr
        assert tool.stop(process) == 0
        yield tool


@pytest.fixture
def used_tool(created_once: Tool) -> Iterator[Tool]:
    """Yield a checkout with a cluster, roles and files. Several tests use the same one."""
    created_once.clear_log()
    yield created_once
    created_once.stop_all()


@pytest.fixture(scope="module")
def server() -> Iterator[TemporaryServer]:
    """Yield a temporary server with two services."""
    with temporary_server() as server:
        server.provision(SERVICES)
        yield server


def service(name: str, *extensions: str) -> Service:
    return Service(
        name=name,
        description="",
        package=f"cathouse_{name}",
        port=8000,
        prefix=f"/api/v1/{name}",
        schema=name,
        extensions=extensions,
        calls=(),
    )


SERVICES = (service("auth"), service("catalog", "pg_trgm"))


@pytest.fixture(name="service")
def service_factory() -> MakeService:
    return service


@pytest.fixture(name="services")
def both_services() -> tuple[Service, ...]:
    return SERVICES


@pytest.fixture
def responding() -> Iterator[Responding]:
    """Yield a function that starts a listener with a fixed response to each start packet, and returns its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def respond_to_all(response: bytes) -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        _respond(connection, response)

        def start(response: bytes) -> int:
            Thread(target=respond_to_all, args=(response,), daemon=True).start()
            port: int = listener.getsockname()[1]
            return port

        yield start
        listener.shutdown(socket.SHUT_RDWR)


def _respond(connection: socket.socket, response: bytes) -> None:
    ssl_request = struct.pack("!ii", 8, 80877103)
    packet = connection.recv(1024)
    if packet == ssl_request:
        connection.sendall(b"N")
        packet = connection.recv(1024)
    connection.sendall(response)
    while packet and packet != b"X\0\0\0\x04":  # until the client has read it and disconnects
        packet = connection.recv(1024)
