"""`cathouse-postgres run` with POSTGRES_URL: check the external server instead of running one."""

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
    """Check that the server responds and has a supported version, then wait for a signal to end.

    The development stack then has the same processes as with its own server. Raises `PostgresToolError`.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _LEAVE)
    version = asyncio.run(_version(url))
    host, port, _, _ = address_in(url)
    print(
        f"using PostgreSQL {version} at {host}:{port}, because POSTGRES_URL is set",
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
            f"POSTGRES_URL is the address of PostgreSQL {version.major} at {host}:{port}, and Cat House"
            f" needs version {MAJOR} or newer: use another server, or unset POSTGRES_URL"
        )
    return f"{version.major}.{version.minor}"
