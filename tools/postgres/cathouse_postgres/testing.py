"""PostgreSQL for a run of tests: one temporary server, and one copy of a template for each worker.

The process that controls the run keeps `temporary_server()` open. It provisions and migrates one database, and passes
`TemporaryServer.to_environment()` to the workers. Each worker calls `TemporaryServer.from_environment()` and copies the
database. Every call blocks, so use them in synchronous fixtures.
"""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from cathouse_kit.registry import Service

from cathouse_postgres.account import choose_account
from cathouse_postgres.binaries import find_binaries
from cathouse_postgres.cluster import create_cluster, server_command
from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.ports import ADDRESS, free_port, running_port
from cathouse_postgres.probe import why_not_ready
from cathouse_postgres.roles import (
    DATABASE,
    access_statements,
    connected,
    identifier,
    provision_roles,
    refusal,
    run_statements,
)
from cathouse_postgres.scram import new_password
from cathouse_postgres.settings import SUPERUSER, Settings
from cathouse_postgres.urls import url_for

_Result = TypeVar("_Result")

_VARIABLE = "CATHOUSE_TEST_POSTGRES"
_START_SECONDS = 30.0

# The data is temporary, so nothing waits for the disk. With the default number of iterations, each connection of a
# client in Python needs 5 ms more. More iterations do not make random passwords safer.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "scram_iterations": "1",
}

# The standard input of this shell ends when the run of tests ends, because the kernel also closes the pipe of a killed
# process. SIGQUIT starts the immediate shutdown of PostgreSQL. A background process of a shell ignores it at first, so
# SIGTERM stops a server that does not handle signals yet.
_KEEPER = """
folder=$1; shift
"$@" </dev/null &
server=$!
read -r _
kill -TERM "$server" 2>/dev/null
kill -QUIT "$server" 2>/dev/null
wait "$server"
rm -rf -- "$folder"
"""


@dataclass(slots=True)
class TemporaryServer:
    """A handle of the temporary server. Any number of processes may have one."""

    port: int
    superuser_password: str = field(repr=False)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "TemporaryServer":
        """Return the handle that the controlling process passed on.

        Raises `PostgresToolError` when the variable is not set.
        """
        try:
            return cls(**json.loads(environ[_VARIABLE]))
        except KeyError:
            raise PostgresToolError(
                f"{_VARIABLE} is not set: set it in the process that starts the tests, from to_environment()"
            ) from None

    def to_environment(self) -> dict[str, str]:
        """Return the variables for `from_environment` in another process. Call it after `provision`."""
        return {_VARIABLE: json.dumps(asdict(self))}

    def provision(self, services: Sequence[Service], database: str = DATABASE) -> None:
        """Create the database, and the roles and schema of each service, without limits of connections."""
        self.passwords |= _wait_for(
            provision_roles(
                self.superuser_url(),
                services,
                self.passwords,
                database=database,
                server_is_ours=True,
            )
        )

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the connection URL of a role. Raises KeyError for a role that was not provisioned."""
        return url_for(self._address(), role, self.passwords[role], database)

    def superuser_url(self, database: str = SUPERUSER) -> str:
        """Return the connection URL of the superuser."""
        return url_for(self._address(), SUPERUSER, self.superuser_password, database)

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create an empty database, or a copy of a template. Only the roles of the services can connect to it.

        Raises `PostgresToolError` when the database exists, or when the template is still in use after five seconds.
        """
        source = identifier(template) if template else "template0"
        # A copy of the files takes 25 ms, and writing every page to the log takes 35 ms. This is true only because
        # checkpoints do not wait for the disk.
        self._execute(f"CREATE DATABASE {identifier(name)} TEMPLATE {source} STRATEGY file_copy")
        self._execute(*access_statements(name, self.passwords))

    def drop_database(self, name: str) -> None:
        """Drop the database if it exists, and close all connections to it."""
        self._execute(f"DROP DATABASE IF EXISTS {identifier(name)} WITH (FORCE)")

    def _address(self) -> str:
        return f"postgresql://{ADDRESS}:{self.port}"

    def _execute(self, *statements: str) -> None:
        async def execute() -> None:
            try:
                async with connected(self.superuser_url()) as connection:
                    await run_statements(connection, statements)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                raise refusal(self.superuser_url(), error) from error

        _wait_for(execute())


@contextmanager
def temporary_server() -> Iterator[TemporaryServer]:
    """Run a server in a temporary folder. Both are removed at the end, even after a kill -9.

    POSTGRES_BIN selects its programs. POSTGRES_URL has no effect, because tests never use an external server. Raises
    `PostgresToolError` when there is no PostgreSQL, or when it does not start.
    """
    binaries = find_binaries(Settings.from_environment().binaries)
    folder = Path(tempfile.mkdtemp(prefix="cathouse-postgres-"))
    try:
        folder.chmod(
            0o711
        )  # the account of the server must pass this folder; the data folder in it is closed
        account = choose_account(binaries, folder, None)
        server = TemporaryServer(port=free_port(), superuser_password=new_password())
        data, log = folder / "postgres", folder / "log"
        # initdb hashes the password of the superuser, so it needs the settings now.
        create_cluster(
            data, server.superuser_password, binaries, account, sync=False, settings=_SETTINGS
        )
        command = server_command(data, server.port, binaries, account, {})
        with log.open("wb") as log_file:
            keeper = subprocess.Popen(  # noqa: S603 - the script is fixed, and its arguments are passed separately
                ["/bin/sh", "-c", _KEEPER, "sh", folder, *command],
                stdin=subprocess.PIPE,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,  # Ctrl-C must reach only the tests, which still need the server
                cwd="/",
            )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        _wait_until_ready(server.port, data, log)
        yield server
    finally:
        keeper.communicate()


def _wait_until_ready(port: int, data: Path, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while running_port(data) != port or why_not_ready(ADDRESS, port, SUPERUSER, SUPERUSER):
        output = log.read_text(errors="replace")
        if time.monotonic() > deadline or "FATAL:" in output:
            raise PostgresToolError(f"the PostgreSQL of the tests does not start: {output}")
        time.sleep(0.01)


def _wait_for(work: Coroutine[Any, Any, _Result]) -> _Result:
    # asyncio.run cannot run inside a running loop, and it replaces the loop of the thread. Hence the separate thread.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()
