"""Roles, schemas and extensions: one schema a service, all in one database, and at least two roles.

The role NAME_owner owns the schema and its tables, and migrates them. The role NAME serves: it reads and writes rows,
and owns nothing. Further roles are for single commands. The privileges on tables of later migrations are default
privileges; migrations then narrow them to what the models declare.

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


# Of the roles that migrate or run single commands, each one connection at a time; a few more than
# that, for a command that is repeated while the server still holds a connection that broke.
_COMMAND_CONNECTIONS = 3

_ROWS = "SELECT, INSERT, UPDATE, DELETE"


async def provision_roles(
    superuser_url: str,
    services: Sequence[Service],
    passwords: Mapping[str, str],
    *,
    database: str = DATABASE,
    server_is_ours: bool,
    connection_limit: int | None = None,
) -> dict[str, str]:
    """Makes or mends the database, and the roles, schema and extensions of each service.

    `passwords` are those known already, by role: they are kept, and given to a role that has
    another one. On a server that is ours alone, the services' roles are also kept out of its other
    databases. `connection_limit` is how many connections each service may hold; None leaves the
    limits as they are. Returns every role's password. Raises `PostgresToolError` when the server
    does not answer or refuses.
    """
    _refuse_shared_extensions(services)
    wanted = {
        role: passwords.get(role) or new_password()
        for service in services
        for role in service.database_roles
    }
    try:
        async with (
            _only_provisioner(superuser_url, database),
            connected(with_database(superuser_url, database)) as connection,
        ):
            known = await _known_roles(connection, wanted)
            # What the server would use for passwords that it hashes itself.
            iterations = int(await connection.fetchval("SHOW scram_iterations"))
            statements = [
                *(
                    _password_statement("CREATE", name, wanted[name], iterations)
                    for name in wanted.keys() - known
                ),
                *_role_statements(services, connection_limit),
                *await _ownership_statements(connection, services),
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
                    _password_statement("ALTER", name, wanted[name], iterations)
                    for name, ok in zip(urls, fits, strict=True)
                    if not ok
                ],
            )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise refusal(superuser_url, error) from error
    return wanted


async def drop_roles(superuser_url: str, name: str, *, database: str = DATABASE) -> None:
    """Drops the roles of a service with their schema and all else that they own in the database.

    Raises `PostgresToolError` where there is no such role, and when the server does not answer or refuses.
    """
    try:
        async with (
            _only_provisioner(superuser_url, database),
            connected(with_database(superuser_url, database)) as connection,
        ):
            # No service's name has an underscore: what follows one is a role of this service.
            rows = await connection.fetch(
                "SELECT rolname FROM pg_roles WHERE rolname = $1 OR starts_with(rolname, $1 || '_')",
                name,
            )
            if not rows:
                raise PostgresToolError(f"the server has no role {name}")
            # The owner first, whose default privileges name the others.
            names = sorted(
                (row["rolname"] for row in rows), key=lambda role: not role.endswith("_owner")
            )
            await run_statements(
                connection,
                [
                    *(f"DROP OWNED BY {identifier(role)} CASCADE" for role in names),
                    *(f"DROP ROLE {identifier(role)}" for role in names),
                ],
            )
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


def _password_statement(verb: str, role: str, password: str, iterations: int) -> str:
    secret = verifier(password, iterations)
    return f"{verb} ROLE {identifier(role)} LOGIN PASSWORD '{secret}'"


def _role_statements(services: Sequence[Service], connection_limit: int | None) -> list[str]:
    statements = []
    for service in services:
        for name in service.database_roles:
            role = identifier(name)
            statements += [
                f"ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT"
                " NOREPLICATION NOBYPASSRLS",
                f"ALTER ROLE {role} SET search_path = {identifier(service.schema)}",
                *(
                    f"ALTER ROLE {role} SET {name} = '{value}'"
                    for name, value in _ROLE_SETTINGS.items()
                ),
            ]
            if connection_limit is not None:
                limit = connection_limit if name == service.name else _COMMAND_CONNECTIONS
                statements.append(f"ALTER ROLE {role} CONNECTION LIMIT {limit}")
    return statements


async def _ownership_statements(
    connection: asyncpg.Connection, services: Sequence[Service]
) -> list[str]:
    """Hands what a serving role owns to the owner role, as roles did own their tables once.

    Replicas that run meanwhile keep their access: it is granted in the same transaction, and
    narrowed by the migrations that follow.
    """
    rows = await connection.fetch(
        "SELECT DISTINCT rolname FROM pg_shdepend JOIN pg_roles ON pg_roles.oid = refobjid"
        " WHERE refclassid = 'pg_authid'::regclass AND deptype = 'o' AND dbid ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    owning = {row["rolname"] for row in rows}
    statements = []
    for service in services:
        if service.name in owning:
            role, schema = identifier(service.name), identifier(service.schema)
            statements += [
                f"REASSIGN OWNED BY {role} TO {identifier(service.owner_role)}",
                f"GRANT {_ROWS} ON ALL TABLES IN SCHEMA {schema} TO {role}",
                f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
            ]
    return statements


def _schema_statements(services: Sequence[Service]) -> list[str]:
    statements = ["REVOKE ALL ON SCHEMA public FROM PUBLIC"]
    for service in services:
        role, owner = identifier(service.name), identifier(service.owner_role)
        schema = identifier(service.schema)
        users = ", ".join(
            identifier(name) for name in service.database_roles if name != service.owner_role
        )
        defaults = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}"
        statements += [
            f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}",
            f"ALTER SCHEMA {schema} OWNER TO {owner}",
            f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC, {users}",
            f"GRANT USAGE ON SCHEMA {schema} TO {users}",
            f"{defaults} GRANT {_ROWS} ON TABLES TO {role}",
            f"{defaults} GRANT USAGE ON SEQUENCES TO {role}",
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
    except asyncpg.TooManyConnectionsError as error:
        # A role's own limit is looked at after its password; the server's is not.
        if "for role" not in str(error):
            raise
        return True
