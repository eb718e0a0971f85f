"""PostgreSQL for a run of tests: one throwaway server, one copy of a template for each worker.

The process that controls the run holds `temporary_server()` open, provisions and migrates one
database, and passes `TemporaryServer.to_environment()` on; each worker gets its handle back with
`TemporaryServer.from_environment()` and copies that database. Every call blocks: use them in
fixtures that are no coroutines.
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

# The data is thrown away, so nothing waits for the disk. A client written in Python needs 5 ms for the usual number of
# iterations, each time it connects; the passwords are random, and no iteration makes them safer.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "scram_iterations": "1",
}

# The end of its standard input tells this shell that the run of tests is over, however it ended:
# the kernel closes the pipe of a killed process too. SIGQUIT is PostgreSQL's immediate shutdown, and
# a shell makes what it starts in the background ignore it: SIGTERM is for a server that has not yet
# come as far as handling either.
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
    """A handle of the throwaway server; any number of processes may hold one."""

    port: int
    superuser_password: str = field(repr=False)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "TemporaryServer":
        """The handle that the controlling process passed on.

        Raises `PostgresToolError` when it passed none.
        """
        try:
            return cls(**json.loads(environ[_VARIABLE]))
        except KeyError:
            raise PostgresToolError(
                f"{_VARIABLE} is not set: the process that starts the tests must pass its server on"
            ) from None

    def to_environment(self) -> dict[str, str]:
        """The variables from which another process makes this handle; for after `provision`."""
        return {_VARIABLE: json.dumps(asdict(self))}

    def provision(self, services: Sequence[Service], database: str = DATABASE) -> None:
        """Makes the database and each service's roles and schema, as the command does, without limits."""
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
        """The connection URL of a role of a service; KeyError for one that was not provisioned."""
        return url_for(self._address(), role, self.passwords[role], database)

    def superuser_url(self, database: str = SUPERUSER) -> str:
        """The connection URL of the superuser."""
        return url_for(self._address(), SUPERUSER, self.superuser_password, database)

    def create_database(self, name: str, template: str | None = None) -> None:
        """Makes an empty database, or a copy of a template, for the services' roles only.

        Raises `PostgresToolError` when the name is taken, or when the template is still in use five
        seconds later.
        """
        source = identifier(template) if template else "template0"
        # Copying files beats logging every page (25 ms against 35) where no checkpoint has to wait
        # for the disk.
        self._execute(f"CREATE DATABASE {identifier(name)} TEMPLATE {source} STRATEGY file_copy")
        self._execute(*access_statements(name, self.passwords))

    def drop_database(self, name: str) -> None:
        """Drops the database if it is there, and throws out whoever is connected to it."""
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
    """Runs a server in a temporary folder; both are gone afterwards, even after a kill -9.

    POSTGRES_BIN names its programs, if set; POSTGRES_URL does not matter: tests never use an
    outside server. Raises `PostgresToolError` when there is no PostgreSQL, or it does not start.
    """
    binaries = find_binaries(Settings.from_environment().binaries)
    folder = Path(tempfile.mkdtemp(prefix="cathouse-postgres-"))
    try:
        folder.chmod(
            0o711
        )  # passable for the account of the server; the data folder in it is closed
        account = choose_account(binaries, folder, None)
        server = TemporaryServer(port=free_port(), superuser_password=new_password())
        data, log = folder / "postgres", folder / "log"
        # initdb hashes the superuser's password, and has to know the settings by then.
        create_cluster(
            data, server.superuser_password, binaries, account, sync=False, settings=_SETTINGS
        )
        command = server_command(data, server.port, binaries, account, {})
        with log.open("wb") as log_file:
            keeper = subprocess.Popen(  # noqa: S603 - the script above, its words passed beside it
                ["/bin/sh", "-c", _KEEPER, "sh", folder, *command],
                stdin=subprocess.PIPE,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,  # Ctrl-C is for the tests, which still need the server
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
            raise PostgresToolError(f"the tests' PostgreSQL does not start; it said: {output}")
        time.sleep(0.01)


def _wait_for(work: Coroutine[Any, Any, _Result]) -> _Result:
    # In a thread of its own, because asyncio.run neither nests nor leaves a loop that others have
    # set in its place.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()
