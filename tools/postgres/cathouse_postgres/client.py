"""`cathouse-postgres psql`: PostgreSQL's own client, as a role that `provision` has made."""

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
    """Replace this process by psql. Raises `PostgresToolError` where the role has no secret, or psql is missing."""
    url = read_secret(settings.state.database_url(role))
    if url is None:
        raise PostgresToolError(
            f"{settings.state.database_url(role)} is not there: start the stack, which makes the role {role}"
        )
    # Of the server's version, where its folder has one.
    beside = None if settings.outside_url else find_binaries(settings.binaries) / "psql"
    psql = str(beside) if beside and os.access(beside, os.X_OK) else shutil.which("psql")
    if psql is None:
        raise PostgresToolError("there is no psql on the PATH: install PostgreSQL's client")
    parts = urlsplit(url)
    # Every user of the machine sees the arguments of a process; its variables are its own.
    shown = parts._replace(netloc=f"{parts.username}@{parts.netloc.rpartition('@')[2]}").geturl()
    os.execve(psql, [psql, shown], os.environ | {"PGPASSWORD": password_in(url) or ""})  # noqa: S606 - no shell
