"""The settings, and the files of the state folder.

The readiness probe imports this module every second. It uses named tuples, because they import faster than dataclasses.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

SUPERUSER = "postgres"
"""The superuser of the server that this tool creates."""


class State(NamedTuple):
    """The paths of all files, below one folder."""

    folder: Path

    @property
    def data(self) -> Path:
        """The data folder of PostgreSQL."""
        return self.folder / "postgres"

    @property
    def port(self) -> Path:
        """The file with the port, which stays the same after a restart."""
        return self.folder / "postgres.port"

    @property
    def lock(self) -> Path:
        """The lock file of the server, with its process id. The server holds the lock while it runs."""
        return self.folder / "postgres.lock"

    @property
    def provision_lock(self) -> Path:
        """The lock file that is held while roles and schemas are created."""
        return self.folder / "provision.lock"

    @property
    def superuser_password(self) -> Path:
        return self.folder / "secrets" / "postgres" / "superuser_password"

    def database_url(self, role: str) -> Path:
        """The file with the connection URL of a role. Its name fits `secrets_dir` of pydantic-settings."""
        return self.folder / "secrets" / role / "database_url"


class Settings(NamedTuple):
    """The settings of one command."""

    state: State
    binaries: Path | None
    outside_url: str | None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read STATE_DIR, POSTGRES_BIN and POSTGRES_URL. An empty variable has the same effect as an unset one.

        Raises `PostgresToolError` when POSTGRES_URL is not a URL of PostgreSQL. The message does not contain the URL.
        """
        outside_url = environ.get("POSTGRES_URL") or None
        if outside_url:
            from cathouse_postgres.urls import address_in  # slow to import, and rarely needed

            address_in(outside_url)
        binaries = environ.get("POSTGRES_BIN")
        return cls(
            state=State(Path(environ.get("STATE_DIR") or ".state").absolute()),
            binaries=Path(binaries).absolute() if binaries else None,
            outside_url=outside_url,
        )
