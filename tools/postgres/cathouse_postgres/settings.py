"""The settings, and the files of the state folder.

The readiness probe imports this each second: hence tuples, which cost less to import than
dataclasses.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

SUPERUSER = "postgres"
"""The superuser of a server that is ours."""


class State(NamedTuple):
    """Where the tool keeps things, below one folder."""

    folder: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.folder / "postgres"

    @property
    def port(self) -> Path:
        """Holds the port, so that it stays the same from one start to the next."""
        return self.folder / "postgres.port"

    @property
    def lock(self) -> Path:
        """Locked by the server for as long as it lives; holds its process id."""
        return self.folder / "postgres.lock"

    @property
    def provision_lock(self) -> Path:
        """Locked while roles and schemas are being made."""
        return self.folder / "provision.lock"

    @property
    def superuser_password(self) -> Path:
        return self.folder / "secrets" / "postgres" / "superuser_password"

    def database_url(self, role: str) -> Path:
        """The connection URL of a role, named as pydantic-settings' `secrets_dir` wants it."""
        return self.folder / "secrets" / role / "database_url"


class Settings(NamedTuple):
    """The settings of one command."""

    state: State
    binaries: Path | None
    outside_url: str | None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Reads STATE_DIR, POSTGRES_BIN and POSTGRES_URL; an empty variable counts as absent.

        Raises `PostgresToolError` when POSTGRES_URL is not a URL of PostgreSQL, without printing
        it.
        """
        outside_url = environ.get("POSTGRES_URL") or None
        if outside_url:
            from cathouse_postgres.urls import address_in  # slow to import, and seldom needed

            address_in(outside_url)
        binaries = environ.get("POSTGRES_BIN")
        return cls(
            state=State(Path(environ.get("STATE_DIR") or ".state").absolute()),
            binaries=Path(binaries).absolute() if binaries else None,
            outside_url=outside_url,
        )
