"""The platform under fault trials: the development stack behind relays, and its processes."""

import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg
import psutil
from cathouse_kit.registry import load_registry
from cathouse_kit.testing import wait_until
from cathouse_postgres.ports import running_port
from cathouse_postgres.provision import superuser_url
from cathouse_postgres.roles import DATABASE
from cathouse_postgres.settings import Settings, State
from cathouse_postgres.urls import with_database

from ..stack.stack import Stack, stack_in
from .relay import Relays, running_relays

PASSWORD = "a cat may look at a king"
ADMIN = "admin@example.com"
POSTGRES = "postgres"
# Long enough for a busy machine that starts four services at the same time.
_START_SECONDS, _READY_SECONDS = 600.0, 300.0
# The load comes from one address, and sends more requests than people do.
_NO_LIMIT = "1000000/minute"
_LIMITS = (
    "LOGIN_LIMIT_BY_ADDRESS",
    "LOGIN_LIMIT_BY_ACCOUNT",
    "LOGIN_DAILY_LIMIT_BY_ACCOUNT",
    "REGISTER_LIMIT_BY_ADDRESS",
    "REGISTER_LIMIT_BY_ACCOUNT",
    "RATE_LIMIT_PER_INSTALLATION",
    "UNIDENTIFIED_LIMIT_BY_ADDRESS",
)


@dataclass
class Target:
    stack: Stack
    relays: Relays
    services: tuple[str, ...]

    def url(self, service: str) -> str:
        """Return the URL of a service's relay."""
        return f"http://127.0.0.1:{self.relays.port(service)}"

    def wait_until_ready(self) -> None:
        """Wait until all services are ready again. Raises `AssertionError`, with their states, if one stays down."""
        try:
            for service in self.services:
                wait_until(
                    f"{service} to be ready", partial(self.stack.ready, service), _READY_SECONDS
                )
        except AssertionError:
            print(self.stack.said())
            for service in self.services:
                state = self.stack.get(service, "/health/ready")
                print(f"{service}: {state.text if state else 'down'}")
            raise

    @property
    def state(self) -> State:
        return _state(self.stack)

    @property
    def ballast(self) -> Path:
        """A file on PostgreSQL's disk, with which a test fills the disk."""
        return self.state.folder / "ballast"

    @property
    def tasks_file(self) -> Path:
        """The database of the example cat."""
        return self.stack.folder / "tasks.sqlite"

    @property
    def database_url(self) -> str:
        """Return the superuser's URL, which does not use the relay."""
        return with_database(superuser_url(Settings(self.state, None, None)), DATABASE)

    async def set_in_postgres(self, name: str, value: str) -> None:
        """Change a setting of PostgreSQL, and reload its configuration."""
        connection = await asyncpg.connect(self.database_url, timeout=30)
        try:
            await connection.execute(f"alter system set {name} = {value}")
            await connection.execute("select pg_reload_conf()")
        finally:
            await connection.close()

    # Processes. Each property is None while the process does not exist.

    def postmaster(self) -> psutil.Process | None:
        try:
            pid = (self.state.data / "postmaster.pid").read_text().split()[0]
            process = psutil.Process(int(pid))
            return process if process.name() == "postgres" else None
        except (FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
            return None

    def backend(self, randomly: random.Random) -> psutil.Process | None:
        """Return a process of PostgreSQL that serves a connection of a service."""
        postmaster = self.postmaster()
        pattern = re.compile(rf"postgres: \S+ {DATABASE} ")
        backends = [process for process, line in _children(postmaster) if pattern.match(line)]
        return randomly.choice(backends) if backends else None

    def worker(self, service: str) -> psutil.Process | None:
        """Return the process that serves a service's requests."""
        processes = self.stack.descendants()
        return next((each for each in processes if self._listens(each, service)), None)

    def _listens(self, process: psutil.Process, service: str) -> bool:
        try:
            connections = process.net_connections("tcp")
        except psutil.NoSuchProcess:
            return False
        return any(
            connection.status == psutil.CONN_LISTEN
            and connection.laddr[1] == self.stack.ports[service]
            for connection in connections
        )

    def runners_child(self, service: str) -> psutil.Process | None:
        """Return the runner's process for a service. It watches the sources, and its worker ends with it."""
        runner = psutil.Process(self.stack.process.pid)
        words = f"-m cathouse_{service} serve"
        return next((process for process, line in _children(runner) if words in line), None)


def _state(stack: Stack) -> State:
    """Read it in the runner's mount namespace, which may differ from ours."""
    root = Path(f"/proc/{stack.process.pid}/root")
    return State(root / stack.folder.relative_to("/") / ".state")


def _children(parent: psutil.Process | None) -> list[tuple[psutil.Process, str]]:
    """Return the living children, each with its command line."""
    found: list[tuple[psutil.Process, str]] = []
    try:
        processes = parent.children() if parent else []
    except psutil.NoSuchProcess:
        return found
    for process in processes:
        try:
            found.append((process, " ".join(process.cmdline())))
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


@contextmanager
def running_target(
    folder: Path, prepare: Callable[[Stack], None] = lambda _: None
) -> Iterator[Target]:
    """Start the platform, with relays before PostgreSQL and before each service. Stop it afterwards.

    `prepare` changes the stack before it starts.
    """
    with stack_in(folder) as stack:
        services = tuple(service.name for service in load_registry(folder / "services.toml"))
        targets: dict[str, Callable[[], int | None]] = {
            POSTGRES: lambda: running_port(_state(stack).data)
        }
        targets |= {name: partial(stack.ports.__getitem__, name) for name in services}
        with running_relays(targets) as relays:
            target = Target(stack, relays, services)
            _lead_through_relays(target)
            stack.environment |= dict.fromkeys(_LIMITS, _NO_LIMIT)
            stack.environment["TASKS_FILE"] = str(target.tasks_file)
            prepare(stack)
            # It must end even if this process is killed, which happens when a run takes too long.
            stack.prefix += ("setpriv", "--pdeathsig", "TERM")
            stack.start()
            stack.wait_until_up(_START_SECONDS)
            _lead_to_postgres_through_relay(target)
            _create_admin(target)
            target.wait_until_ready()
            yield target


def _lead_through_relays(target: Target) -> None:
    file = target.stack.folder / "process-compose.yaml"
    text = file.read_text()
    for service in target.services:
        name = service.upper()
        text, count = re.subn(
            rf"\b{name}_URL=http://127.0.0.1:\${{{name}_PORT:-\d+}}",
            f"{name}_URL={target.url(service)}",
            text,
        )
        assert count, f"process-compose.yaml does not set {name}_URL"
    # A developer's stack gives up on a process that dies repeatedly, which these tests do on purpose. And it stops one
    # that takes a minute to start, which is too early on a busy machine.
    text = re.sub(r"max_restarts: \d+", "max_restarts: 0", text)
    file.write_text(re.sub(r"failure_threshold: \d+", "failure_threshold: 600", text))


def _lead_to_postgres_through_relay(target: Target) -> None:
    relayed = f"127.0.0.1:{target.relays.port(POSTGRES)}/"
    for service in target.services:
        file = target.state.database_url(service)
        file.write_text(re.sub(r"127\.0\.0\.1:\d+/", relayed, file.read_text()))
        assert relayed in file.read_text()
        target.stack.answering_process(service).kill()  # its next process reads the new URL


def _create_admin(target: Target) -> None:
    subprocess.run(
        [sys.executable, "-m", "cathouse_auth", "create-admin", "--email", ADMIN],
        cwd=target.stack.folder / "services/auth",
        env=target.stack.environment | {"SECRETS_DIR": str(target.state.folder / "secrets")},
        input=f"{PASSWORD}\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
