"""`cathouse-postgres psql`: the client of PostgreSQL, connected as a role that `provision` created."""

import os
import shutil
from typing import NoReturn
from urllib.parse import urlsplit

from cathouse_postgres.binaries import find_binaries
from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.files import read_secret
from cathouse_postgres.settings import Settings
from cathouse_postgres.urls import password_in


def become_client(settings: Settings, role: str) -> NoReturn:
    """Replace this process with psql. Raises `PostgresToolError` when the role has no secret, or psql is missing."""
    url = read_secret(settings.state.database_url(role))
    if url is None:
        raise PostgresToolError(
            f"{settings.state.database_url(role)} does not exist: "
            f"start the stack (make up), which creates the role {role}"
        )
    # Prefer a psql of the same version as the server.
    own = None if settings.outside_url else find_binaries(settings.binaries) / "psql"
    psql = str(own) if own and os.access(own, os.X_OK) else shutil.which("psql")
    if psql is None:
        raise PostgresToolError(
            "psql is not on the PATH: install the client programs of PostgreSQL"
        )
    parts = urlsplit(url)
    # Every user of the machine can see the arguments of a process, so the password goes into a variable.
    shown = parts._replace(netloc=f"{parts.username}@{parts.netloc.rpartition('@')[2]}").geturl()
    os.execve(psql, [psql, shown], os.environ | {"PGPASSWORD": password_in(url) or ""})  # noqa: S606 - no shell
