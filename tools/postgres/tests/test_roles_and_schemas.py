"""What a service's role can and cannot do, on a real server."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from cathouse_kit.registry import Service
from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.roles import provision_roles
from cathouse_postgres.testing import TemporaryServer

from .conftest import MakeService


@pytest.fixture
async def auth(server: TemporaryServer) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(server.url("auth"))
    yield connection
    await connection.close()


@pytest.fixture
async def catalog(server: TemporaryServer) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(server.url("catalog"))
    yield connection
    await connection.close()


@pytest.fixture
async def superuser(server: TemporaryServer) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(server.superuser_url("cathouse"))
    yield connection
    await connection.close()


async def test_a_role_makes_and_reads_tables_in_its_own_schema_by_default(
    auth: asyncpg.Connection,
) -> None:
    transaction = auth.transaction()
    await transaction.start()
    await auth.execute("CREATE TABLE people (name text)")

    assert await auth.fetchval("SELECT current_schema()") == "auth"
    assert await auth.fetchval("SELECT count(*) FROM auth.people") == 0
    await transaction.rollback()


async def test_a_role_cannot_read_the_schema_of_another(
    auth: asyncpg.Connection, catalog: asyncpg.Connection
) -> None:
    await catalog.execute("CREATE TABLE IF NOT EXISTS cats (name text)")

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="schema catalog"):
        await auth.fetch("SELECT * FROM catalog.cats")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE public.mine (name text)",
        "CREATE TABLE catalog.mine (name text)",
        "CREATE TEMPORARY TABLE mine (name text)",
        "CREATE SCHEMA mine",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        "SET ROLE catalog",
        "ALTER ROLE auth SUPERUSER",
        "SELECT rolpassword FROM pg_authid",
        "SELECT pg_read_file('PG_VERSION')",
    ],
)
async def test_a_role_is_refused(auth: asyncpg.Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await auth.execute(statement)


@pytest.mark.parametrize("database", ["postgres", "template1"])
async def test_a_role_cannot_enter_another_database(server: TemporaryServer, database: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await asyncpg.connect(server.url("auth", database))


async def test_a_role_that_is_no_service_cannot_enter_the_database(
    server: TemporaryServer, superuser: asyncpg.Connection
) -> None:
    await superuser.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(
                host="127.0.0.1",
                port=server.port,
                user="stranger",
                password="stranger",
                database="cathouse",
            )
    finally:
        await superuser.execute("DROP ROLE stranger")


async def test_roles_have_no_rights_but_to_log_in(superuser: asyncpg.Connection) -> None:
    rows = await superuser.fetch(
        "SELECT rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,"
        " rolcanlogin FROM pg_roles WHERE rolname IN ('auth', 'catalog')"
    )

    assert [tuple(row) for row in rows] == [(False,) * 6 + (True,)] * 2


async def test_roles_do_not_wait_or_hold_locks_for_ever(auth: asyncpg.Connection) -> None:
    shown = [
        await auth.fetchval(f"SHOW {name}")
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    ]

    assert shown == ["30s", "10s", "1min"]


async def test_an_extension_is_in_the_schema_of_its_service_and_of_use_there(
    catalog: asyncpg.Connection, auth: asyncpg.Connection
) -> None:
    assert (
        await catalog.fetchval(
            "SELECT nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace"
            " WHERE extname = 'pg_trgm'"
        )
        == "catalog"
    )
    assert await catalog.fetchval("SELECT similarity('Éclair', 'éclair')") == 1
    with pytest.raises(asyncpg.UndefinedFunctionError):
        await auth.fetchval("SELECT similarity('a', 'a')")


async def test_what_was_changed_by_hand_is_mended(
    server: TemporaryServer, services: tuple[Service, ...], superuser: asyncpg.Connection
) -> None:
    await superuser.execute(
        "ALTER ROLE auth CREATEDB NOLOGIN PASSWORD 'changed';"
        "ALTER ROLE auth RESET search_path;"
        "ALTER SCHEMA auth OWNER TO postgres;"
        "ALTER EXTENSION pg_trgm SET SCHEMA public;"
        "GRANT CREATE ON SCHEMA public TO PUBLIC;"
        "GRANT CONNECT, TEMPORARY ON DATABASE cathouse TO PUBLIC"
    )
    before = dict(server.passwords)

    server.provision(services)

    assert server.passwords == before
    connection = await asyncpg.connect(server.url("auth"))
    assert await connection.fetchval("SELECT current_schema()") == "auth"
    for statement in ("CREATE TABLE public.mine ()", "CREATE TEMPORARY TABLE mine ()"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()
    assert not await superuser.fetchval("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'auth'")
    assert (
        await superuser.fetchval(
            "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'pg_trgm'"
        )
        == "catalog"
    )


async def test_names_may_be_any_text(server: TemporaryServer, service: MakeService) -> None:
    server.provision([service('o"dd; name')], 'da"ta base')

    connection = await asyncpg.connect(server.url('o"dd; name', 'da"ta base'))
    assert await connection.fetchval("SELECT current_schema()") == 'o"dd; name'
    await connection.close()


async def test_provisioning_many_databases_at_once_works(
    server: TemporaryServer, services: tuple[Service, ...]
) -> None:
    await asyncio.gather(
        *(
            provision_roles(
                server.superuser_url(),
                services,
                server.passwords,
                database=f"at_once_{number}",
                server_is_ours=True,
            )
            for number in range(4)
        )
    )

    connection = await asyncpg.connect(server.url("auth", "at_once_3"))
    await connection.close()


def test_an_extension_that_two_services_ask_for_is_refused_by_name(
    server: TemporaryServer, service: MakeService
) -> None:
    with pytest.raises(PostgresToolError, match="pg_trgm is asked for by one and by two"):
        server.provision([service("one", "pg_trgm"), service("two", "pg_trgm")])


def test_an_unknown_extension_is_named_in_one_line_and_leaves_no_half_made_role(
    server: TemporaryServer, service: MakeService
) -> None:
    with pytest.raises(PostgresToolError, match='extension "meow" is not available') as refused:
        server.provision([service("three", "meow")])

    assert "\n" not in str(refused.value)
    with pytest.raises(KeyError):
        server.url("three")
    server.provision([service("three")])
