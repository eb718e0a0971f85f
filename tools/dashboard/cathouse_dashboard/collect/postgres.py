"""The schemas of the stack's database, each read as its own owner."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from cathouse_kit.registry import Service

_CONNECT_SECONDS = 2.0
_STATEMENT_SECONDS = 5.0
_TABLES = """
SELECT c.relname AS name, greatest(c.reltuples, 0)::bigint AS estimate, pg_total_relation_size(c.oid) AS bytes,
       coalesce(s.n_live_tup, 0) AS live, coalesce(s.n_dead_tup, 0) AS dead
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') ORDER BY bytes DESC
"""
_CONNECTIONS = """
SELECT usename AS role, count(*) AS count FROM pg_stat_activity
WHERE datname = current_database() AND usename IS NOT NULL GROUP BY usename ORDER BY usename
"""
_EXTENSION = """
SELECT quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE extname = 'pg_stat_statements' AND has_schema_privilege(n.oid, 'usage')
"""
_STATEMENTS = """
SELECT query AS text, calls, mean_exec_time AS mean, total_exec_time AS total FROM {schema}.pg_stat_statements
WHERE userid IN (SELECT oid FROM pg_roles WHERE rolname LIKE $1) ORDER BY total_exec_time DESC LIMIT 20
"""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    rows: int
    """As PostgreSQL's statistics count them."""
    bytes: int
    dead: int


@dataclass(frozen=True, slots=True)
class Schema:
    service: str
    name: str
    problem: str = ""
    revision: str = ""
    """The newest migration in the database; empty where there is none."""
    tables: tuple[Table, ...] = ()
    connections: dict[str, int] = field(default_factory=dict)
    """Of the whole database, by role."""
    statements: tuple[dict[str, Any], ...] | None = None
    """By `pg_stat_statements`; None where the server has no such extension."""


async def read_schemas(services: Sequence[Service], secrets: Path) -> list[Schema]:
    """Return the schemas of all services. One that cannot be read has a `problem`."""
    return list(await asyncio.gather(*(_read(service, secrets) for service in services)))


async def _read(service: Service, secrets: Path) -> Schema:
    try:
        url = (secrets / service.owner_role / "database_url").read_text(encoding="utf-8").strip()
    except OSError:
        return Schema(
            service.name, service.schema, "its role does not exist yet: the stack is starting"
        )
    try:
        connection = await asyncpg.connect(
            url,
            timeout=_CONNECT_SECONDS,
            command_timeout=_STATEMENT_SECONDS,
            server_settings={
                "default_transaction_read_only": "on",
                "application_name": "dashboard",
            },
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return Schema(service.name, service.schema, f"PostgreSQL does not answer: {_reason(error)}")
    try:
        return await _read_schema(connection, service)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return Schema(service.name, service.schema, f"the schema cannot be read: {_reason(error)}")
    finally:
        connection.terminate()


async def _read_schema(connection: asyncpg.Connection, service: Service) -> Schema:
    tables = await connection.fetch(_TABLES, service.schema)
    has_revision = any(table["name"] == "alembic_version" for table in tables)
    revision = (
        await connection.fetchval("SELECT version_num FROM alembic_version")
        if has_revision
        else None
    )
    statements = None
    if schema := await connection.fetchval(_EXTENSION):
        rows = await connection.fetch(_STATEMENTS.format(schema=schema), f"{service.name}%")
        statements = tuple(dict(row) for row in rows)
    return Schema(
        service=service.name,
        name=service.schema,
        revision=revision or "",
        tables=tuple(
            Table(row["name"], row["live"] or row["estimate"], row["bytes"], row["dead"])
            for row in tables
        ),
        connections={row["role"]: row["count"] for row in await connection.fetch(_CONNECTIONS)},
        statements=statements,
    )


def _reason(error: BaseException) -> str:
    # Without the rest of it, which may quote rows.
    return str(error).splitlines()[0] if str(error) else type(error).__name__
