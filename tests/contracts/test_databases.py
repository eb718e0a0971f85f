"""Each service has one schema and one role, and its migrations agree with its models."""

from pathlib import Path

import asyncpg
import pytest
import yaml
from cathouse_kit.database import Database
from cathouse_kit.migrations import Migrations
from cathouse_kit.registry import Service
from cathouse_postgres.testing import TemporaryServer
from pydantic import SecretStr
from sqlalchemy import text


async def test_models_and_migrations_agree(service: Service, database_urls: dict[str, str]) -> None:
    database = Database(
        SecretStr(database_urls[service.name]), pool_size=1, application_name="test"
    )
    try:
        async with database.engine.connect() as connection:
            migrations = Migrations(service.package)
            assert await connection.run_sync(migrations.differences) == []
    finally:
        await database.close()


async def test_every_migration_goes_down_and_up_again(
    service: Service, services: tuple[Service, ...], postgres_server: TemporaryServer, database: str
) -> None:
    name = f"{database}_{service.name}_migrations"
    postgres_server.create_database(name)
    try:
        postgres_server.provision(services, name)
        url = SecretStr(postgres_server.url(service.owner_role, name))
        own = Database(url, pool_size=1, application_name="test")
        migrations = Migrations(service.package)
        try:
            assert await migrations.upgrade(own) == (None, migrations.head)
            await migrations.run(own, "base")
            async with own.engine.connect() as connection:
                left = await connection.scalars(
                    text(
                        "select tablename from pg_tables where schemaname = :schema "
                        "and tablename <> 'alembic_version'"
                    ),
                    {"schema": service.schema},
                )
                assert left.all() == []
            await migrations.upgrade(own)
            async with own.engine.connect() as connection:
                assert await migrations.current(connection) == migrations.head
        finally:
            await own.close()
    finally:
        postgres_server.drop_database(name)


async def test_a_role_reaches_no_other_schema(
    service: Service, services: tuple[Service, ...], database_urls: dict[str, str]
) -> None:
    connection = await asyncpg.connect(database_urls[service.name])
    try:
        own = f"select version_num from {service.schema}.alembic_version"
        assert await connection.fetchval(own)
        for other in services:
            if other.name == service.name:
                continue
            for statement in (
                f"select * from {other.schema}.alembic_version",
                f"create table {other.schema}.mine (id int)",
                f"set role {other.name}",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        for statement in (
            "create table public.mine (id int)",
            "create role mine",
            "create schema mine",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("file", ["compose.yaml", "deploy/swarm/database.yaml"])
def test_after_a_crash_postgresql_exits_so_that_the_engine_restarts_it(
    file: str,
) -> None:
    """tests/faults/test_full_disk.py tests the reason."""
    root = Path(__file__).parents[2]
    postgres = yaml.safe_load((root / file).read_text())["services"]["postgres"]
    assert "restart_after_crash=off" in postgres["command"]
