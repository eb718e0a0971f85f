"""The temporary server of the tests. Processes share it, and it ends with the process that started it."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from cathouse_kit.testing import wait_until
from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.testing import TemporaryServer, temporary_server

# One worker runs all of these tests, because each worker would first start its own server.
pytestmark = pytest.mark.xdist_group("temporary server")

_CONTROLLER = """
from cathouse_postgres.testing import temporary_server
with temporary_server() as server:
    print(server.superuser_url(), flush=True)
    input()
"""


async def _fetch(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_copy_has_the_data_of_the_template_and_only_services_can_connect(
    server: TemporaryServer,
) -> None:
    await _fetch(
        server.url("auth_owner"), "CREATE TABLE IF NOT EXISTS people AS SELECT 'Ada' AS name"
    )

    server.create_database("copy", template="cathouse")

    assert await _fetch(server.url("auth", "copy"), "SELECT name FROM people") == "Ada"
    assert await _fetch(server.url("catalog", "copy"), "SELECT similarity('a', 'a')") == 1
    acl = await _fetch(
        server.superuser_url("copy"),
        "SELECT array_agg(coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC')"
        " || ' ' || privilege_type ORDER BY 1)"
        " FROM pg_database, aclexplode(datacl) WHERE datname = 'copy'"
        " AND grantee <> 'postgres'::regrole",
    )
    assert acl == [f"{role} CONNECT" for role in ("auth", "auth_owner", "catalog", "catalog_owner")]


async def test_a_copy_is_independent_of_its_template(server: TemporaryServer) -> None:
    server.create_database("independent", template="cathouse")

    await _fetch(server.url("auth_owner", "independent"), "CREATE TABLE only_here ()")

    assert await _fetch(server.url("auth"), "SELECT to_regclass('only_here')::text") is None


async def test_a_database_without_a_template_is_empty(server: TemporaryServer) -> None:
    server.create_database("empty")

    count = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('auth', 'catalog')"
    assert await _fetch(server.superuser_url("empty"), count) == 0


async def test_dropping_a_database_closes_its_connections(server: TemporaryServer) -> None:
    server.create_database("dropped", template="cathouse")
    connection = await asyncpg.connect(server.url("auth", "dropped"))

    server.drop_database("dropped")
    server.drop_database("dropped")

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT 1")
    await connection.close()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(server.superuser_url("dropped"))


def test_an_existing_name_is_refused(server: TemporaryServer) -> None:
    with pytest.raises(PostgresToolError, match='database "cathouse" already exists'):
        server.create_database("cathouse")


async def test_nothing_waits_for_the_disk(server: TemporaryServer) -> None:
    shown = [
        await _fetch(server.superuser_url(), f"SHOW {name}")
        for name in ("fsync", "synchronous_commit", "full_page_writes", "max_connections")
    ]

    assert shown == ["off", "off", "off", "300"]


def test_another_process_gets_the_same_handle_through_the_environment(
    server: TemporaryServer,
) -> None:
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "from cathouse_postgres.testing import TemporaryServer\n"
            "server = TemporaryServer.from_environment()\n"
            "server.create_database('created_by_a_worker', template='cathouse')\n"
            "print(server.url('auth', 'created_by_a_worker'))\n",
        ],
        env={**os.environ, **server.to_environment()},
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout == server.url("auth", "created_by_a_worker") + "\n"
    assert TemporaryServer.from_environment(server.to_environment()) == server


def test_a_handle_does_not_show_its_passwords(server: TemporaryServer) -> None:
    assert repr(server) == f"TemporaryServer(port={server.port})"


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(PostgresToolError, match="CATHOUSE_TEST_POSTGRES is not set"):
        TemporaryServer.from_environment({})


async def test_at_the_end_the_server_and_its_folder_are_removed() -> None:
    with temporary_server() as server:
        folder = Path(str(await _fetch(server.superuser_url(), "SHOW data_directory"))).parent
        pid = int((folder / "postgres" / "postmaster.pid").read_text().split("\n")[0])
        assert _alive(pid)

    assert not _alive(pid)
    assert not folder.exists()


def test_after_kill_9_of_the_tests_the_server_and_its_folder_are_removed() -> None:
    controller = subprocess.Popen(
        [sys.executable, "-c", _CONTROLLER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert controller.stdout is not None
    url = controller.stdout.readline().strip()
    folder = Path(str(asyncio.run(_fetch(url, "SHOW data_directory")))).parent
    pid = int((folder / "postgres" / "postmaster.pid").read_text().split("\n")[0])
    assert _alive(pid)

    controller.send_signal(signal.SIGKILL)
    controller.communicate()

    wait_until("server and folder to be gone", lambda: not _alive(pid) and not folder.exists())
