"""The roles, schemas and extensions of a deployment, with the passwords from its secrets."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg
from cathouse_kit.registry import Service
from cathouse_postgres.binaries import MAJOR
from cathouse_postgres.roles import DATABASE, connected, provision_roles, refusal
from cathouse_postgres.urls import address_in, password_in

from cathouse_deployment.errors import DeploymentError
from cathouse_deployment.secret_files import SUPERUSER_URL_FILE, database_url_file

WAIT_SECONDS = 60.0


# The connection of the readiness check.
_BESIDE_THE_POOL = 1
# During an update, old replicas shut down while new ones start. For a moment there may be twice as many replicas.
_IN_AN_UPDATE = 2
# Connections of an operator's commands: rotate-keys, create-admin.
_FOR_COMMANDS = 2


def connection_limit(environ: Mapping[str, str]) -> int | None:
    """Return the limit of connections of each service, from REPLICAS and DATABASE_POOL_SIZE (default 5).

    Return None without REPLICAS. Raises `DeploymentError` for a value that is not a positive number.
    """
    if not environ.get("REPLICAS"):
        return None
    replicas = _number(environ, "REPLICAS", "")
    pool_size = _number(environ, "DATABASE_POOL_SIZE", "5")
    return replicas * _IN_AN_UPDATE * (pool_size + _BESIDE_THE_POOL) + _FOR_COMMANDS


def _number(environ: Mapping[str, str], name: str, default: str) -> int:
    value = environ.get(name) or default
    if not (value.isascii() and value.isdecimal() and int(value) > 0):
        raise DeploymentError(
            f"{name}={value} is not valid: set it to a whole number above 0, or unset it"
        )
    return int(value)


def server_is_ours(environ: Mapping[str, str]) -> bool:
    """Return whether POSTGRES_IS_OURS says that the server has no databases of other applications.

    Raises `DeploymentError` for a value other than true and false.
    """
    value = environ.get("POSTGRES_IS_OURS") or "false"
    if value not in ("true", "false"):
        raise DeploymentError(
            f"POSTGRES_IS_OURS={value} is not valid: set it to true if the server has no databases of other"
            " applications, otherwise to false"
        )
    return value == "true"


async def make_roles(
    folder: Path,
    services: Sequence[Service],
    wait: float = WAIT_SECONDS,
    *,
    connections: int | None = None,
    ours: bool = False,
) -> None:
    """Create or repair the database objects of each service, on the server of the secrets in `folder`.

    `connections` is the largest number of connections of each service. None does not change the limits. With `ours`,
    the roles cannot connect to the other databases of the server. Wait up to `wait` seconds for the server. Raises
    `DeploymentError` for a missing secret, for a secret with another server, role or database, and for an older server.
    Raises `PostgresToolError` when the server does not respond, or refuses.
    """
    superuser_url = _read(folder, SUPERUSER_URL_FILE)
    passwords = {
        role: _password(folder, role, superuser_url)
        for service in services
        for role in service.database_roles
    }
    version = await _wait_for_version(superuser_url, wait)
    if version < MAJOR:
        host, port, _, _ = address_in(superuser_url)
        raise DeploymentError(
            f"{host}:{port} is PostgreSQL {version}, and Cat House needs version {MAJOR} or newer."
            " Nothing was changed: upgrade the server, or use another one"
        )
    await provision_roles(
        superuser_url, services, passwords, server_is_ours=ours, connection_limit=connections
    )


def _read(folder: Path, name: str) -> str:
    path = folder / name
    try:
        content = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise DeploymentError(
            f"the secret {path} cannot be read ({error.strerror}): create it with cathouse-deployment secrets"
        ) from error
    if not content:
        raise DeploymentError(
            f"the secret {path} is empty: delete the file, and run cathouse-deployment secrets"
        )
    return content


def _password(folder: Path, role: str, superuser_url: str) -> str:
    name = database_url_file(role)
    url = _read(folder, name)
    host, port, user, database = address_in(url)
    expected = (*address_in(superuser_url)[:2], role, DATABASE)
    password = password_in(url)
    if (host, port, user, database) != expected or password is None:
        raise DeploymentError(
            f"the secret {folder / name} must be postgresql://{role}:PASSWORD@"
            f"{expected[0]}:{expected[1]}/{DATABASE}, because postgres/superuser_url names this server"
        )
    return password


async def _wait_for_version(url: str, wait: float) -> int:
    deadline = time.monotonic() + wait
    while True:
        try:
            async with connected(url) as connection:
                return int(connection.get_server_version().major)
        except (OSError, asyncpg.CannotConnectNowError) as error:
            if time.monotonic() > deadline:
                raise refusal(url, error) from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise refusal(url, error) from error
        await asyncio.sleep(0.5)
