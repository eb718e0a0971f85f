"""Roles, schemas and extensions. All services share one database. Each has one schema and at least two roles.

The role NAME_owner owns the schema and its tables, and migrates them. The role NAME is for serving: it reads and writes
rows, and owns nothing. Further roles are for single commands. Default privileges apply to the tables of later
migrations. The migrations then reduce them to the privileges that the models declare.

Each statement describes the required state, and all statements run each time. They repair manual changes and leave
everything else as it is.
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

# A request has a limit of 30 seconds. A statement or transaction that lasts longer is abandoned, and its locks block
# others. A migration that needs more time sets higher limits in its own session.
_ROLE_SETTINGS = {
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "10s",
}


# A role that migrates or runs single commands needs one connection at a time. The limit is higher, because the server
# may still hold a broken connection when the command is repeated.
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
    """Create or repair the database, and the roles, schema and extensions of each service.

    `passwords` are the known passwords by role. They are kept, and a role with another password gets the known one.
    With `server_is_ours`, the roles also cannot connect to the other databases of the server. `connection_limit` is the
    largest number of connections of each service. None does not change the limits. Return the passwords of all roles.
    Raises `PostgresToolError` when the server does not respond, or refuses.
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
            # The same number as the server uses for passwords that it hashes itself.
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
    """Drop the roles of a service, their schema, and everything else that they own in the database.

    Raises `PostgresToolError` when the role does not exist, and when the server does not respond, or refuses.
    """
    try:
        async with (
            _only_provisioner(superuser_url, database),
            connected(with_database(superuser_url, database)) as connection,
        ):
            # Names of services have no underscore, so NAME_… is always a role of the service NAME.
            rows = await connection.fetch(
                "SELECT rolname FROM pg_roles WHERE rolname = $1 OR starts_with(rolname, $1 || '_')",
                name,
            )
            if not rows:
                raise PostgresToolError(
                    f"the server has no role {name}: check the name of the removed service"
                )
            # The owner comes first, because its default privileges name the other roles.
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
    """Open a connection, and close it at the end. Raises the errors of asyncpg."""
    connection = await asyncpg.connect(url, timeout=_CONNECT_SECONDS)
    try:
        yield connection
    finally:
        await connection.close(timeout=_CONNECT_SECONDS)


async def run_statements(connection: asyncpg.Connection, statements: Sequence[str]) -> None:
    """Run the statements in one transaction and one round trip."""
    if statements:
        await connection.execute(";\n".join(statements))


def identifier(name: str) -> str:
    """Return the name as a quoted SQL identifier. Any text is accepted."""
    return '"' + name.replace('"', '""') + '"'


def access_statements(database: str, roles: Iterable[str]) -> list[str]:
    """Return the statements that allow only these roles to connect to the database.

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
    """Return the error to show when the server of a URL cannot be used."""
    host, port, user, _ = address_in(url)
    if isinstance(error, OSError):
        return PostgresToolError(
            f"PostgreSQL at {host}:{port} does not respond: start it (cathouse-postgres run),"
            " or correct POSTGRES_URL if it is set"
        )
    reason = " ".join(str(error).splitlines())
    return PostgresToolError(f"PostgreSQL at {host}:{port} refuses {user}: {reason}")


@asynccontextmanager
async def _only_provisioner(superuser_url: str, database: str) -> AsyncIterator[None]:
    """Create the database if it does not exist, and hold a lock against concurrent changes of the roles."""
    # Roles belong to all databases, but an advisory lock to one. The lock is therefore in the maintenance database.
    async with connected(superuser_url) as maintenance:
        await maintenance.execute(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")
        # A failed CREATE DATABASE would write an error into the log of the server.
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
    """Return the statements that give the objects of a serving role to the owner role.

    In older clusters the serving roles owned their tables. Running replicas keep their access, because it is granted in
    the same transaction. The next migrations then reduce it.
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
                    f"{owner} and {service.name} both request the extension {extension}, and a database"
                    " can contain it only once: remove it from one of them in services.toml"
                )


async def _logs_in(url: str) -> bool:
    try:
        async with connected(url):
            return True
    except asyncpg.InvalidPasswordError:
        return False
    except asyncpg.TooManyConnectionsError as error:
        # The server checks the limit of a role after its password, so the password is correct.
        if "for role" not in str(error):
            raise
        return True
