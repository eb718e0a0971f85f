"""The roles, schemas and extensions of a deployment, with the passwords that its secrets hold."""

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


# For readiness.
_BESIDE_THE_POOL = 1
# An update starts the next replica while the previous ones still shut down: for a moment, all may be there twice.
_IN_AN_UPDATE = 2
# rotate-keys, create-admin: an operator's.
_FOR_COMMANDS = 2


def connection_limit(environ: Mapping[str, str]) -> int | None:
    """How many connections each service may hold, by REPLICAS and DATABASE_POOL_SIZE (5); None without REPLICAS.

    Raises `DeploymentError` for a value that is no number.
    """
    if not environ.get("REPLICAS"):
        return None
    replicas = _number(environ, "REPLICAS", "")
    pool_size = _number(environ, "DATABASE_POOL_SIZE", "5")
    return replicas * _IN_AN_UPDATE * (pool_size + _BESIDE_THE_POOL) + _FOR_COMMANDS


def _number(environ: Mapping[str, str], name: str, default: str) -> int:
    value = environ.get(name) or default
    if not (value.isascii() and value.isdecimal() and int(value) > 0):
        raise DeploymentError(f"{name}={value} is not a number above 0: correct it")
    return int(value)


async def make_roles(
    folder: Path,
    services: Sequence[Service],
    wait: float = WAIT_SECONDS,
    *,
    connections: int | None = None,
) -> None:
    """Makes or mends what each service needs, on the server that the secrets in `folder` lead to.

    `connections` is how many each service may hold; None leaves the limits as they are. Waits up to `wait` seconds for
    the server. Raises `DeploymentError` for a secret that is missing or leads elsewhere, and for a server of another
    major version; `PostgresToolError` where the server does not answer or refuses.
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
            f"{host}:{port} is PostgreSQL {version}, and Cat House needs {MAJOR}: nothing was changed"
        )
    # Other databases on the server may be somebody else's.
    await provision_roles(
        superuser_url, services, passwords, server_is_ours=False, connection_limit=connections
    )


def _read(folder: Path, name: str) -> str:
    path = folder / name
    try:
        content = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise DeploymentError(
            f"the secret {path} cannot be read ({error.strerror}):"
            " cathouse-deployment secrets makes it"
        ) from error
    if not content:
        raise DeploymentError(f"the secret {path} is empty")
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
            f"{expected[0]}:{expected[1]}/{DATABASE}, as postgres/superuser_url leads there"
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
