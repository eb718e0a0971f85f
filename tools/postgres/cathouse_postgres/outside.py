"""`cathouse-postgres run` with POSTGRES_URL: there is nothing to run, only to check."""

import asyncio
import signal
import sys

import asyncpg

from cathouse_postgres.binaries import MAJOR
from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.roles import connected, refusal
from cathouse_postgres.urls import address_in

_LEAVE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stay_for_outside_server(url: str) -> None:
    """Checks that the server answers and is recent enough, then waits to be signalled.

    So the development stack has the same processes with an outside server. Raises
    `PostgresToolError`.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _LEAVE)
    version = asyncio.run(_version(url))
    host, port, _, _ = address_in(url)
    print(
        f"using PostgreSQL {version} at {host}:{port}, as POSTGRES_URL says",
        file=sys.stderr,
        flush=True,
    )
    signal.sigwait(_LEAVE)


async def _version(url: str) -> str:
    try:
        async with connected(url) as connection:
            version = connection.get_server_version()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise refusal(url, error) from error
    if version.major < MAJOR:
        host, port, _, _ = address_in(url)
        raise PostgresToolError(
            f"POSTGRES_URL leads to PostgreSQL {version.major} at {host}:{port}:"
            f" Cat House needs {MAJOR} or newer"
        )
    return f"{version.major}.{version.minor}"
