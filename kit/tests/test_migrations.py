import asyncio
import importlib
import sys
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path

import asyncpg
import pytest
from cathouse_kit import migrations as migrations_module
from cathouse_kit.database import Database
from cathouse_kit.migrations import MigrationError, Migrations
from pydantic import SecretStr
from sqlalchemy import Column, String, Table

from .support import migrated_package

_numbers = count(1)

SECOND = """
    import sqlalchemy as sa
    from alembic import op

    revision = "0002"
    down_revision = "0001"


    def upgrade() -> None:
        op.add_column("things", sa.Column("size", sa.Integer()), schema="{schema}")
        {then}


    def downgrade() -> None:
        op.drop_column("things", "size", schema="{schema}")
"""


@pytest.fixture
async def connection(empty_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty_database)
    yield connection
    await connection.close()


@pytest.fixture
async def databases(empty_database: str) -> AsyncIterator[tuple[Database, Database]]:
    """The engines of two processes."""
    first, second = (
        Database(SecretStr(empty_database), pool_size=1, application_name="migrations")
        for _ in range(2)
    )
    yield first, second
    await first.close()
    await second.close()


@pytest.fixture
def database(databases: tuple[Database, Database]) -> Database:
    return databases[0]


@pytest.fixture
async def migrations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connection: asyncpg.Connection
) -> AsyncIterator[Migrations]:
    """A new package with one migration, and its empty schema."""
    name = f"cathouse_migrated_{next(_numbers)}"
    monkeypatch.syspath_prepend(tmp_path)
    migrated_package(tmp_path, name, name)
    await connection.execute(f"create schema {name}")
    yield Migrations(name)
    await connection.execute(f"drop schema {name} cascade")
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]


AddSecond = Callable[..., None]


@pytest.fixture
def add_second(migrations: Migrations) -> AddSecond:
    """Write a second migration, with an extra action at its end."""

    def add(then: str = "") -> None:
        content = SECOND.format(schema=migrations.schema, then=then)
        lines = [line.removeprefix("    ") for line in content.splitlines()]
        (migrations.versions / "0002_sizes.py").write_text("\n".join(lines))
        importlib.invalidate_caches()

    return add


async def tables(connection: asyncpg.Connection, schema: str) -> set[str]:
    rows = await connection.fetch("select tablename from pg_tables where schemaname = $1", schema)
    return {row["tablename"] for row in rows}


async def current(database: Database, migrations: Migrations) -> str | None:
    async with database.engine.connect() as connection:
        return await migrations.current(connection)


async def test_an_empty_schema_is_migrated_to_the_newest_revision(
    migrations: Migrations,
    database: Database,
    connection: asyncpg.Connection,
    add_second: AddSecond,
) -> None:
    add_second()
    assert migrations.head == "0002"
    assert await current(database, migrations) is None
    assert await migrations.upgrade(database) == (None, "0002")
    assert await current(database, migrations) == "0002"
    assert await tables(connection, migrations.schema) == {"things", "alembic_version"}


async def test_a_current_database_stays_unchanged_without_alembic(
    migrations: Migrations, database: Database
) -> None:
    await migrations.upgrade(database)
    (migrations.versions / "0001_things.py").write_text("raise AssertionError('it was read')")
    assert await migrations.upgrade(database) == ("0001", "0001")


async def test_a_newer_package_migrates_from_the_revision_of_the_database(
    migrations: Migrations, database: Database, add_second: AddSecond
) -> None:
    await migrations.upgrade(database)
    add_second()
    assert await migrations.upgrade(database) == ("0001", "0002")


async def test_down_to_a_revision_down_to_nothing_and_up_again(
    migrations: Migrations,
    database: Database,
    connection: asyncpg.Connection,
    add_second: AddSecond,
) -> None:
    add_second()
    await migrations.upgrade(database)
    assert await migrations.run(database, "0001") == ("0002", "0001")
    assert await migrations.run(database, "base") == ("0001", "base")
    assert await tables(connection, migrations.schema) == {"alembic_version"}
    assert await current(database, migrations) is None
    assert await migrations.upgrade(database) == (None, "0002")


async def test_two_simultaneous_migrations_run_in_turn_and_succeed(
    migrations: Migrations, databases: tuple[Database, Database]
) -> None:
    results = await asyncio.gather(*(migrations.upgrade(database) for database in databases))
    assert sorted(results, key=str) == [("0001", "0001"), (None, "0001")]


async def test_a_long_wait_for_the_lock_is_reported(
    migrations: Migrations,
    database: Database,
    connection: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(migrations_module, "LOCK_TIMEOUT", "50ms")
    async with connection.transaction():
        await connection.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 0))",
            f"migrations of {migrations.schema}",
        )
        with pytest.raises(MigrationError) as refused:
            await migrations.upgrade(database)
    assert str(refused.value) == (
        f"another migration of schema {migrations.schema} has been running for 50ms: "
        "wait for it, or end its connection"
    )
    assert await tables(connection, migrations.schema) == set()
    assert await migrations.upgrade(database) == (None, "0001")


async def test_a_table_that_is_locked_for_too_long_is_reported(
    migrations: Migrations,
    database: Database,
    connection: asyncpg.Connection,
    add_second: AddSecond,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await migrations.upgrade(database)
    add_second()
    monkeypatch.setattr(migrations_module, "LOCK_TIMEOUT", "50ms")
    async with connection.transaction():
        await connection.execute(f"lock table {migrations.schema}.things")
        with pytest.raises(MigrationError, match="canceling statement due to lock timeout"):
            await migrations.upgrade(database)
    assert await migrations.upgrade(database) == ("0001", "0002")


async def test_a_database_that_is_newer_than_the_package_is_unchanged(
    migrations: Migrations, database: Database, connection: asyncpg.Connection
) -> None:
    await migrations.upgrade(database)
    await connection.execute(f"update {migrations.schema}.alembic_version set version_num = '0007'")
    assert await migrations.upgrade(database) == ("0007", "0007")
    with pytest.raises(MigrationError) as refused:
        await migrations.run(database, migrations.head)
    message = str(refused.value)
    assert "cannot be migrated from 0007 to 0001" in message
    assert "The newest revision of this package is 0001" in message
    assert await current(database, migrations) == "0007"
    assert await tables(connection, migrations.schema) == {"things", "alembic_version"}


async def test_a_revision_that_does_not_exist_is_refused(
    migrations: Migrations, database: Database
) -> None:
    with pytest.raises(MigrationError, match="cannot be migrated from None to 0009"):
        await migrations.run(database, "0009")


@pytest.mark.parametrize(
    ("then", "error"),
    [
        ('op.execute("select * from nowhere")', MigrationError),
        ('raise LookupError("a bug")', LookupError),
    ],
)
async def test_a_failed_migration_changes_nothing(
    then: str,
    error: type[Exception],
    migrations: Migrations,
    database: Database,
    connection: asyncpg.Connection,
    add_second: AddSecond,
) -> None:
    add_second(then)
    with pytest.raises(error):
        await migrations.upgrade(database)
    assert await tables(connection, migrations.schema) == set()
    assert await current(database, migrations) is None


async def test_a_missing_schema_is_reported_in_one_line(
    migrations: Migrations, database: Database, connection: asyncpg.Connection
) -> None:
    await connection.execute(f"alter schema {migrations.schema} rename to elsewhere")
    try:
        with pytest.raises(MigrationError) as refused:
            await migrations.upgrade(database)
    finally:
        await connection.execute(f"alter schema elsewhere rename to {migrations.schema}")
    assert str(refused.value) == (
        f"schema {migrations.schema} cannot be migrated to 0001: "
        f'schema "{migrations.schema}" does not exist'
    )


async def test_differences_between_models_and_migrations_are_found_and_written(
    migrations: Migrations, database: Database
) -> None:
    await migrations.upgrade(database)
    models = importlib.import_module(f"{migrations.package}.models")
    async with database.engine.connect() as connection:
        assert await connection.run_sync(migrations.differences) == []
        Table("toys", models.Base.metadata, Column("name", String, primary_key=True))
        (difference,) = await connection.run_sync(migrations.differences)
        assert difference[0] == "add_table"
        written = await connection.run_sync(migrations.write_revision, "Add toys")
    assert written == migrations.versions / "0002_add_toys.py"
    assert await migrations.upgrade(database) == ("0001", "0002")
    async with database.engine.connect() as connection:
        assert await connection.run_sync(migrations.differences) == []
