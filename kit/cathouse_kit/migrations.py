"""Migrations of one service in its own schema. They are configured in code, without alembic.ini and env.py.

The package of a service has `migrations/versions/NNNN_what_it_does.py` and `models` with the declarative `Base`. NNNN
is also the id of the revision. Because of these numbers, the newest revision is known without importing Alembic, which
costs half a second. A running service, or a start with nothing to migrate, does not import it.
"""

import importlib
import importlib.resources
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from cathouse_kit.database import Database
from cathouse_kit.privileges import foreign_owner, missing_grants

LOCK_TIMEOUT = "30s"
_ENVIRONMENT = Path(str(importlib.resources.files("cathouse_kit"))) / "alembic_environment"
_VERSION_TABLE = "alembic_version"
_LOCK_NOT_AVAILABLE = "55P03"


class MigrationError(Exception):
    """The migrations did not run, and the database is unchanged. The message gives the reason."""


class Migrations:
    """The migrations of a service's package, for the schema of its models."""

    def __init__(self, package: str) -> None:
        self.package = package
        self._metadata: MetaData = importlib.import_module(f"{package}.models").Base.metadata
        self.schema = str(self._metadata.schema)
        self.versions = Path(str(importlib.resources.files(package))) / "migrations" / "versions"

    @property
    def head(self) -> str:
        """The newest revision of the installed package."""
        return max(path.name.partition("_")[0] for path in self.versions.glob("[0-9]*.py"))

    async def current(self, connection: AsyncConnection) -> str | None:
        """Return the revision of the database, or None before the first migration."""
        table = f'"{self.schema}".{_VERSION_TABLE}'
        # Not to_regclass: in a transaction, it may miss a table that another transaction has just created.
        exists = await connection.scalar(
            text("select true from pg_tables where schemaname = :schema and tablename = :table"),
            {"schema": self.schema, "table": _VERSION_TABLE},
        )
        if not exists:
            return None
        revision: str | None = await connection.scalar(
            text(f"select version_num from {table}")  # noqa: S608 - the schema's name is code
        )
        return revision

    async def upgrade(self, database: Database) -> tuple[str | None, str]:
        """Migrate the database to the newest revision, and return the revisions before and after.

        One transaction, under a lock, also sets the privileges on the tables that the models declare. A database that
        is newer than the package stays unchanged, because an older release must run on it after a rollback.

        Raises `MigrationError` if another migration holds the lock for longer than `LOCK_TIMEOUT`. Also raises it if a
        change is needed and the role of the connection does not own the schema.
        """
        async with database.engine.connect() as connection:
            before = await self.current(connection)
        if before is not None and before > self.head:
            return before, before
        return await self.run(database, self.head)

    async def run(self, database: Database, target: str) -> tuple[str | None, str]:
        """Migrate like `upgrade`, but up or down to any revision. `base` is the empty schema."""
        try:
            async with database.engine.connect() as connection:
                before = await self.current(connection)
                if before == target and not await connection.run_sync(self._grants, target):
                    return before, target
                await connection.rollback()
                async with connection.begin():
                    await self._lock(connection)
                    await connection.run_sync(self._require_owner)
                    before = await self.current(connection)
                    if before != target:
                        await connection.run_sync(self._migrate, target, before)
                    for statement in await connection.run_sync(self._grants, target):
                        await connection.execute(text(statement))
                    return before, target
        except DBAPIError as error:
            raise MigrationError(
                f"schema {self.schema} cannot be migrated to {target}: {_reason(error)}"
            ) from error

    async def _lock(self, connection: AsyncConnection) -> None:
        await connection.execute(text(f"set local lock_timeout = '{LOCK_TIMEOUT}'"))
        await connection.execute(text("set local statement_timeout = 0"))
        try:
            await connection.execute(
                text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
                {"name": f"migrations of {self.schema}"},
            )
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                raise MigrationError(
                    f"another migration of schema {self.schema} has been running for {LOCK_TIMEOUT}: "
                    "wait for it, or end its connection"
                ) from error
            raise

    def _require_owner(self, connection: Connection) -> None:
        if roles := foreign_owner(connection, self.schema):
            owner, current = roles
            raise MigrationError(
                f"schema {self.schema} belongs to the role {owner}, but DATABASE_URL has the role {current}: set the "
                f"URL of {owner} for migrations, in SECRETS_DIR/{owner}/database_url or as DATABASE_URL"
            )

    def _grants(self, connection: Connection, target: str) -> list[str]:
        # The models describe only the tables of the newest revision.
        if target != self.head:
            return []
        return missing_grants(connection, self._metadata, self.schema, _VERSION_TABLE)

    def _migrate(self, connection: Connection, target: str, before: str | None) -> None:
        from alembic import command
        from alembic.util import CommandError

        down = target == "base" or (before is not None and before > target)
        move = command.downgrade if down else command.upgrade
        try:
            move(self._config(connection), target)
        except CommandError as error:
            raise MigrationError(
                f"schema {self.schema} cannot be migrated from {before} to {target}: {error}. The newest revision of "
                f"this package is {self.head}. If the database is newer, install the version that migrated it"
            ) from error

    def differences(self, connection: Connection) -> list[Any]:
        """Return the changes that autogenerate would write. Empty if the models and the migrations agree."""
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        options = self._options(_seen_from_public(connection))
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, options["target_metadata"]))

    def write_revision(self, connection: Connection, message: str) -> Path | None:
        """Write a migration with the differences between the models and the database, and return its file.

        The database must be at the newest revision. If there are no differences, write nothing and return None.
        """
        from alembic import command

        if not self.differences(connection):
            return None
        number = f"{int(self.head) + 1:04}"
        script = command.revision(
            self._config(_seen_from_public(connection)), message, autogenerate=True, rev_id=number
        )
        return Path(script.path)  # type: ignore[union-attr]

    def _config(self, connection: Connection) -> Any:
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", _escaped(_ENVIRONMENT))
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", _escaped(self.versions))
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        config.attributes["options"] = self._options(connection)
        return config

    def _options(self, connection: Connection) -> dict[str, Any]:
        def only_ours(name: str | None, kind: str, _parents: Any) -> bool:
            return name == self.schema if kind == "schema" else True

        return {
            "connection": connection,
            "target_metadata": self._metadata,
            "include_schemas": True,
            "include_name": only_ours,
            "version_table": _VERSION_TABLE,
            "version_table_schema": self.schema,
            "compare_type": True,
            "compare_server_default": True,
        }


def _seen_from_public(connection: Connection) -> Connection:
    # SQLAlchemy omits the name of the first schema in the search path, which is the service's. The models always name
    # it. For the comparison, another schema must be the first one.
    connection.execute(text("set local search_path to public"))
    connection.dialect.default_schema_name = "public"
    return connection


def _reason(error: DBAPIError) -> str:
    # The message of PostgreSQL. SQLAlchemy 2.0 would add the name of a class.
    return str(getattr(error.orig, "__cause__", None) or error.orig)


def _escaped(path: Path) -> str:
    # A % begins an interpolation in Alembic's configuration.
    return str(path).replace("%", "%%")
