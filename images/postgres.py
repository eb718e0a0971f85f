"""The entry point of the PostgreSQL image: creates the cluster, roles and schemas, then becomes the server.

    postgres [-c NAME=VALUE]...     the options of the server

It reads the superuser's password from the file POSTGRES_PASSWORD_FILE (default: postgres/superuser_password in
SECRETS_DIR). Each role's password comes from NAME/database_url in SECRETS_DIR (default: /run/secrets). If no such URL
exists, `cathouse-deployment roles` must create the roles. It runs as an unprivileged user that owns
/var/lib/postgresql.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from cathouse_kit.registry import RegistryError, Service, load_registry
from cathouse_postgres.account import Account
from cathouse_postgres.binaries import find_binaries
from cathouse_postgres.cluster import (
    cluster_exists,
    create_cluster,
    forget_stale_process,
    server_command,
)
from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.ports import ADDRESS, free_port, running_port
from cathouse_postgres.probe import why_not_ready
from cathouse_postgres.roles import provision_roles
from cathouse_postgres.settings import SUPERUSER
from cathouse_postgres.urls import password_in, url_for

DATA = Path("/var/lib/postgresql/data")
CLIENTS = "host all all all scram-sha-256\n"
START_SECONDS = 60.0


def main(arguments: Sequence[str]) -> NoReturn:
    if not arguments or arguments[0] != "postgres":
        sys.exit(
            f"postgres: {' '.join(arguments)}: this image runs only `postgres` and its options"
        )
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    try:
        command = prepare(load_registry())
    except (PostgresToolError, RegistryError) as error:
        sys.exit(f"postgres: {error}")
    except OSError as error:
        if error.filename is None:
            raise
        sys.exit(f"postgres: {error.filename}: {error.strerror}")
    os.execv(command[0], [*command, *arguments[1:]])  # noqa: S606 - no shell is wanted


def prepare(services: Sequence[Service]) -> list[str]:
    """Create or update the cluster and its roles. Return the command that starts the server.

    Raises `PostgresToolError` if a secret is missing, or the data is of another major version.
    """
    secrets = Path(os.environ.get("SECRETS_DIR", "/run/secrets"))
    superuser_password = _read(
        Path(os.environ.get("POSTGRES_PASSWORD_FILE", secrets / "postgres/superuser_password"))
    )
    passwords = role_passwords(secrets, services)
    binaries = find_binaries(None)
    account = Account()
    if not cluster_exists(DATA):
        create_cluster(DATA, superuser_password, binaries, account)
    forget_stale_process(DATA)
    if passwords:
        # The server listens on a port inside this container only, so clients cannot connect before this is done.
        port = free_port()
        with _running(server_command(DATA, port, binaries, account, {}), port):
            url = url_for(
                f"postgresql://{ADDRESS}:{port}", SUPERUSER, superuser_password, SUPERUSER
            )
            asyncio.run(provision_roles(url, services, passwords, server_is_ours=True))
    else:
        print(f"postgres: no ROLE/database_url in {secrets}: no roles are created", file=sys.stderr)
    clients = DATA / "clients.conf"
    clients.write_text(CLIENTS)
    network = {"listen_addresses": "*", "hba_file": str(clients)}
    return server_command(DATA, 5432, binaries, account, network)


def role_passwords(secrets: Path, services: Sequence[Service]) -> dict[str, str]:
    """Return each role's password, from its database URL. Empty if there are no URLs."""
    roles = [role for service in services for role in service.database_roles]
    files = {role: secrets / role / "database_url" for role in roles}
    if not any(file.exists() for file in files.values()):
        return {}
    passwords = {}
    for name, file in files.items():
        password = password_in(_read(file))
        if password is None:
            raise PostgresToolError(
                f"the secret {file} must be postgresql://{name}:PASSWORD@HOST/…"
            )
        passwords[name] = password
    return passwords


def _read(file: Path) -> str:
    try:
        content = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise PostgresToolError(
            f"the secret {file} cannot be read ({error.strerror}): cathouse-deployment secrets makes it"
        ) from error
    if not content:
        raise PostgresToolError(f"the secret {file} is empty")
    return content


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    server = subprocess.Popen(command, cwd="/")  # noqa: S603 - no shell, and every word of it is ours
    try:
        deadline = time.monotonic() + START_SECONDS
        while running_port(DATA) != port or why_not_ready(ADDRESS, port, SUPERUSER, SUPERUSER):
            if server.poll() is not None or time.monotonic() > deadline:
                raise PostgresToolError(
                    "the server did not start: its log lines above have the reason"
                )
            time.sleep(0.05)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def _leave(signal_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + signal_number)


if __name__ == "__main__":
    main(sys.argv[1:])
