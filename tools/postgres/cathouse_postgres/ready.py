"""`cathouse-postgres ready`: the readiness probe of the server."""

import time

from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.ports import ADDRESS, running_port
from cathouse_postgres.probe import why_not_ready
from cathouse_postgres.settings import SUPERUSER, Settings

# A runner starts at most one probe a second. The running probe notices a server that becomes ready in between.
_WAIT_SECONDS = 0.9
_POLL_SECONDS = 0.02


def wait_until_ready(settings: Settings) -> None:
    """Wait until the server accepts connections.

    Raises `PostgresToolError` with the reason when it does not within the period of a runner.
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            check_ready(settings)
            return
        except PostgresToolError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_POLL_SECONDS)


def check_ready(settings: Settings) -> None:
    """Raise `PostgresToolError` with the reason when the server does not accept connections."""
    if settings.outside_url:
        from cathouse_postgres.urls import address_in  # slow to import, and rarely needed

        reason = why_not_ready(*address_in(settings.outside_url))
    elif port := running_port(settings.state.data):
        reason = why_not_ready(ADDRESS, port, SUPERUSER, SUPERUSER)
    else:
        reason = f"no server runs on {settings.state.data}"
    if reason:
        raise PostgresToolError(f"PostgreSQL is not ready: {reason}")
