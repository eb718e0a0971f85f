"""Roles, schemas and extensions: one role and one schema a service, all in one database.

Every statement says how things must be, and all of them run each time: what somebody changed by
hand is mended, and what is right stays as it is.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg
from cathouse_kit.registry import Service

from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.scram import new_password, verifier
from cathouse_postgres.urls import address_in, url_for, with_database

DATABASE = "cathouse"

_ADVISORY_LOCK = 7_210_518_042_004_316_001

_CONNECT_SECONDS = 10.0

# A request has 30 seconds in all; what sits longer than this has been forgotten and holds locks
# that others wait for. Migrations that need more set more for their own session.
_ROLE_SETTINGS = {
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "10s",
}


async def provision_roles(
    superuser_url: str,
    services: Sequence[Service],
    passwords: Mapping[str, str],
    *,
    database: str = DATABASE,
    server_is_ours: bool,
) -> dict[str, str]:
    """Makes or mends the database, and the role, schema and extensions of each service.

    `passwords` are those known already, by role: they are kept, and given to a role that has
    another one. On a server that is ours alone, the services' roles are also kept out of its other
    databases. Returns every role's password. Raises `PostgresToolError` when the server does not
    answer or refuses.
    """
    _refuse_shared_extensions(services)
    wanted = {service.name: passwords.get(service.name) or new_password() for service in services}
    try:
        async with (
            _only_provisioner(superuser_url, database),
            connected(with_database(superuser_url, database)) as connection,
        ):
            known = await _known_roles(connection, wanted)
            statements = [
                *_role_statements(services, {name: wanted[name] for name in wanted.keys() - known}),
                *_schema_statements(services),
                *await _extension_statements(connection, services),
                *access_statements(database, wanted),
            ]
            if server_is_ours:
                statements.append("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
            await run_statements(connection, statements)

            urls = {name: url_for(superuser_url, name, wanted[name], database) for name in known}
            fits = await asyncio.gather(*(_logs_in(url) for url in urls.values()))
            await run_statements(
                connection,
                [
                    _password_statement("ALTER", name, wanted[name])
                    for name, ok in zip(urls, fits, strict=True)
                    if not ok
                ],
            )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise refusal(superuser_url, error) from error
    return wanted


async def drop_role(superuser_url: str, name: str, *, database: str = DATABASE) -> None:
    """Drops a role with its schema and all else that it owns in the database.

    Raises `PostgresToolError` where there is no such role, and when the server does not answer or refuses.
    """
    try:
        async with (
            _only_provisioner(superuser_url, database),
            connected(with_database(superuser_url, database)) as connection,
        ):
            if not await _known_roles(connection, [name]):
                raise PostgresToolError(f"the server has no role {name}")
            role = identifier(name)
            await run_statements(connection, [f"DROP OWNED BY {role} CASCADE", f"DROP ROLE {role}"])
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise refusal(superuser_url, error) from error


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """One connection, closed at the end. Raises what asyncpg raises."""
    connection = await asyncpg.connect(url, timeout=_CONNECT_SECONDS)
    try:
        yield connection
    finally:
        await connection.close(timeout=_CONNECT_SECONDS)


async def run_statements(connection: asyncpg.Connection, statements: Sequence[str]) -> None:
    """Runs the statements in one transaction and one round trip."""
    if statements:
        await connection.execute(";\n".join(statements))


def identifier(name: str) -> str:
    """The name as SQL wants it when it may be any text."""
    return '"' + name.replace('"', '""') + '"'


def access_statements(database: str, roles: Iterable[str]) -> list[str]:
    """Lets the roles and nobody else connect to the database.

    A copy of a database does not inherit this from its template.
    """
    return [
        f"REVOKE ALL ON DATABASE {identifier(database)} FROM PUBLIC",
        *(
            f"GRANT CONNECT ON DATABASE {identifier(database)} TO {identifier(role)}"
            for role in roles
        ),
    ]


def refusal(url: str, error: Exception) -> PostgresToolError:
    """What to tell a person when the server of a URL cannot be used."""
    host, port, user, _ = address_in(url)
    if isinstance(error, OSError):
        return PostgresToolError(
            f"no PostgreSQL answers at {host}:{port}: start it (cathouse-postgres run),"
            " or correct POSTGRES_URL if that is set"
        )
    reason = " ".join(str(error).splitlines())
    return PostgresToolError(f"PostgreSQL at {host}:{port} refuses {user}: {reason}")


@asynccontextmanager
async def _only_provisioner(superuser_url: str, database: str) -> AsyncIterator[None]:
    """Sees to it that the database is there and that nobody else works on the roles meanwhile."""
    # Roles belong to all databases, and advisory locks to one: hence in the maintenance database.
    async with connected(superuser_url) as maintenance:
        await maintenance.execute(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")
        # Asked, not tried: the attempt would be the first error in a new server's log.
        if not await maintenance.fetchval(
            "SELECT true FROM pg_database WHERE datname = $1", database
        ):
            await maintenance.execute(
                f"CREATE DATABASE {identifier(database)} TEMPLATE template0 ENCODING 'UTF8'"
            )
        yield


async def _known_roles(connection: asyncpg.Connection, names: Iterable[str]) -> set[str]:
    rows = await connection.fetch(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY($1)", list(names)
    )
    return {row["rolname"] for row in rows}


def _password_statement(verb: str, role: str, password: str) -> str:
    return f"{verb} ROLE {identifier(role)} LOGIN PASSWORD '{verifier(password)}'"


def _role_statements(services: Sequence[Service], new: Mapping[str, str]) -> list[str]:
    statements = [_password_statement("CREATE", name, password) for name, password in new.items()]
    for service in services:
        role = identifier(service.name)
        statements += [
            f"ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT"
            " NOREPLICATION NOBYPASSRLS",
            f"ALTER ROLE {role} SET search_path = {identifier(service.schema)}",
            *(
                f"ALTER ROLE {role} SET {name} = '{value}'"
                for name, value in _ROLE_SETTINGS.items()
            ),
        ]
    return statements


def _schema_statements(services: Sequence[Service]) -> list[str]:
    statements = ["REVOKE ALL ON SCHEMA public FROM PUBLIC"]
    for service in services:
        role, schema = identifier(service.name), identifier(service.schema)
        statements += [
            f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {role}",
            f"ALTER SCHEMA {schema} OWNER TO {role}",
            f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC",
        ]
    return statements


async def _extension_statements(
    connection: asyncpg.Connection, services: Sequence[Service]
) -> list[str]:
    rows = await connection.fetch(
        "SELECT extname, nspname FROM pg_extension"
        " JOIN pg_namespace ON pg_namespace.oid = extnamespace"
    )
    installed = {row["extname"]: row["nspname"] for row in rows}
    statements = []
    for service in services:
        schema = identifier(service.schema)
        for extension in service.extensions:
            if extension not in installed:
                statements.append(f"CREATE EXTENSION {identifier(extension)} SCHEMA {schema}")
            elif installed[extension] != service.schema:
                statements.append(f"ALTER EXTENSION {identifier(extension)} SET SCHEMA {schema}")
    return statements


def _refuse_shared_extensions(services: Sequence[Service]) -> None:
    owners: dict[str, str] = {}
    for service in services:
        for extension in service.extensions:
            owner = owners.setdefault(extension, service.name)
            if owner != service.name:
                raise PostgresToolError(
                    f"the extension {extension} is asked for by {owner} and by {service.name},"
                    " and a database holds it only once: leave it to one of them in services.toml"
                )


async def _logs_in(url: str) -> bool:
    try:
        async with connected(url):
            return True
    except asyncpg.InvalidPasswordError:
        return False
