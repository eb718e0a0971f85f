"""A service connects as a role that reads and writes rows, but defines nothing. Another role owns its tables."""

import importlib
from collections.abc import AsyncIterator

import asyncpg
import pytest
from cathouse_kit.database import Database
from cathouse_kit.migrations import Migrations
from cathouse_kit.privileges import allow
from cathouse_kit.registry import Service
from cathouse_postgres.testing import TemporaryServer
from pydantic import SecretStr

Refused = asyncpg.InsufficientPrivilegeError
PRIVILEGES = """
    SELECT c.relname, r.rolname, lower(p.name), has_table_privilege(r.rolname, c.oid, p.name)
    FROM pg_class c, pg_roles r, unnest(ARRAY['select', 'insert', 'update', 'delete', 'truncate', 'references',
        'trigger', 'maintain']) p(name)
    WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p') AND r.rolname = ANY($2)
    ORDER BY 1, 2, 3
"""
EVERYTHING = allow("select", "insert", "update", "delete")


@pytest.fixture
async def serving(
    service: Service, database_urls: dict[str, str]
) -> AsyncIterator[asyncpg.Connection]:
    """Connect as the service does."""
    connection = await asyncpg.connect(database_urls[service.name])
    yield connection
    await connection.close()


@pytest.fixture
async def superuser(
    postgres_server: TemporaryServer, database: str
) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_server.superuser_url(database))
    yield connection
    await connection.close()


async def _tables(connection: asyncpg.Connection, schema: str) -> list[str]:
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", schema)
    return [row[0] for row in rows]


async def test_a_serving_role_cannot_define_or_empty_anything(
    service: Service, serving: asyncpg.Connection, superuser: asyncpg.Connection
) -> None:
    schema = service.schema
    tables = await _tables(superuser, schema)
    assert "alembic_version" in tables
    statements = [
        f"CREATE TABLE {schema}.mine (id int)",
        f"CREATE VIEW {schema}.mine AS SELECT 1",
        f"CREATE SEQUENCE {schema}.mine",
        "CREATE TEMPORARY TABLE mine (id int)",
        f"ALTER SCHEMA {schema} RENAME TO mine",
        f"SET ROLE {service.owner_role}",
    ]
    for table in tables:
        statements += [
            f"ALTER TABLE {schema}.{table} ADD COLUMN mine int",
            f"ALTER TABLE {schema}.{table} DISABLE TRIGGER ALL",
            f"DROP TABLE {schema}.{table} CASCADE",
            f"TRUNCATE {schema}.{table} CASCADE",
            f"CREATE INDEX ON {schema}.{table} ((1))",
        ]
    for statement in statements:
        with pytest.raises(Refused):
            await serving.execute(statement)


async def test_privileges_on_rows_are_those_that_the_models_declare(
    service: Service, superuser: asyncpg.Connection
) -> None:
    metadata = importlib.import_module(f"{service.package}.models").Base.metadata
    roles = [role for role in service.database_roles if role != service.owner_role]
    wanted = {
        (table.name, role, privilege)
        for table in metadata.tables.values()
        for role in roles
        for privilege, column in (table.info or EVERYTHING)["privileges"].get(
            role.removeprefix(service.name)[1:], ()
        )
        if not column
    } | {("alembic_version", role, "select") for role in roles}
    rows = await superuser.fetch(PRIVILEGES, service.schema, roles)
    assert {tuple(row)[:3] for row in rows if row[3]} == wanted


async def test_the_history_of_migrations_is_only_read(
    service: Service, serving: asyncpg.Connection
) -> None:
    table = f"{service.schema}.alembic_version"
    assert await serving.fetchval(f"SELECT version_num FROM {table}")
    for statement in (
        f"UPDATE {table} SET version_num = '0000'",
        f"DELETE FROM {table}",
        f"INSERT INTO {table} VALUES ('9999')",
    ):
        with pytest.raises(Refused):
            await serving.execute(statement)


async def test_a_later_migrations_table_is_read_and_written_at_once(
    service: Service, serving: asyncpg.Connection, postgres_server: TemporaryServer, database: str
) -> None:
    owner = await asyncpg.connect(postgres_server.url(service.owner_role, database))
    await owner.execute("CREATE TABLE later (id int PRIMARY KEY)")
    try:
        for statement in (
            "INSERT INTO later VALUES (1)",
            "UPDATE later SET id = 2",
            "DELETE FROM later",
        ):
            await serving.execute(statement)
        with pytest.raises(Refused):
            await serving.execute("TRUNCATE later")
    finally:
        await owner.execute("DROP TABLE later")
        await owner.close()


async def test_no_role_of_a_service_reaches_the_schema_of_another(
    service: Service,
    services: tuple[Service, ...],
    postgres_server: TemporaryServer,
    database: str,
) -> None:
    for role in service.database_roles:
        connection = await asyncpg.connect(postgres_server.url(role, database))
        try:
            for other in services:
                if other != service:
                    with pytest.raises(Refused, match=f"schema {other.schema}"):
                        await connection.execute(f"SELECT * FROM {other.schema}.alembic_version")
        finally:
            await connection.close()


AUDIT = "INSERT INTO proxy.audit (method, path, outcome, request_id) VALUES ('GET', '/', 'started', 'roles')"


async def test_the_audit_is_completed_by_the_proxy_and_deleted_by_the_pruner_alone(
    postgres_server: TemporaryServer, database: str
) -> None:
    proxy = await asyncpg.connect(postgres_server.url("proxy", database))
    pruner = await asyncpg.connect(postgres_server.url("proxy_pruner", database))
    try:
        row = await proxy.fetchval(f"{AUDIT} RETURNING id")
        await proxy.execute(
            "UPDATE proxy.audit SET status = 200, outcome = 'answered', duration_ms = 1 WHERE id = $1",
            row,
        )
        columns = [
            name
            for (name,) in await proxy.fetch(
                "SELECT column_name FROM information_schema.columns"
                " WHERE (table_schema, table_name) = ('proxy', 'audit')"
            )
        ]
        assert {"path", "user_id", "at", "id"} < set(columns)
        for column in set(columns) - {"status", "outcome", "duration_ms"}:
            with pytest.raises(Refused):
                await proxy.execute(f"UPDATE proxy.audit SET {column} = {column}")
        for connection, statement in (
            (proxy, "DELETE FROM proxy.audit"),
            (proxy, "TRUNCATE proxy.audit"),
            (pruner, AUDIT),
            (pruner, "UPDATE proxy.audit SET outcome = 'x'"),
            (pruner, "TRUNCATE proxy.audit"),
            (pruner, "SELECT * FROM proxy.signing_keys"),
            (pruner, "SELECT * FROM proxy.pseudonym_secrets"),
        ):
            with pytest.raises(Refused):
                await connection.execute(statement)
        deleted = await pruner.execute("DELETE FROM proxy.audit WHERE id = $1", row)
        assert deleted == "DELETE 1"
    finally:
        await proxy.close()
        await pruner.close()


async def test_privileges_that_were_changed_by_hand_are_declared_ones_after_migrate(
    service: Service, services: tuple[Service, ...], postgres_server: TemporaryServer, database: str
) -> None:
    name = f"{database}_{service.name}_privileges"
    postgres_server.drop_database(name)
    postgres_server.create_database(name, "template_cathouse")
    superuser = await asyncpg.connect(postgres_server.superuser_url(name))
    owner = Database(
        SecretStr(postgres_server.url(service.owner_role, name)),
        pool_size=1,
        application_name="test",
    )
    roles = list(service.database_roles)
    try:
        before = await superuser.fetch(PRIVILEGES, service.schema, roles)
        await superuser.execute(
            f"GRANT ALL ON ALL TABLES IN SCHEMA {service.schema} TO {service.name};"
            f"GRANT UPDATE (version_num) ON {service.schema}.alembic_version TO {service.name}"
        )
        assert await superuser.fetch(PRIVILEGES, service.schema, roles) != before
        migrations = Migrations(service.package)
        for _ in range(2):
            assert await migrations.upgrade(owner) == (migrations.head, migrations.head)
            assert await superuser.fetch(PRIVILEGES, service.schema, roles) == before
        assert not await superuser.fetchval(
            "SELECT has_any_column_privilege($1, to_regclass($2), 'update')",
            service.name,
            f"{service.schema}.alembic_version",
        )
    finally:
        await owner.close()
        await superuser.close()
        postgres_server.drop_database(name)
