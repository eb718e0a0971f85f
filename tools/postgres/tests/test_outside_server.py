"""POSTGRES_URL: an external server. In these tests it is a temporary server."""

import signal
import struct

import asyncpg
import pytest
from cathouse_kit.testing import wait_until
from cathouse_postgres.testing import TemporaryServer

from .conftest import Responding, Tool

# One worker runs all of these tests, because each worker would first start its own server.
pytestmark = pytest.mark.xdist_group("temporary server")


@pytest.fixture
def outside_tool(tool: Tool, server: TemporaryServer) -> Tool:
    tool.environment["POSTGRES_URL"] = server.superuser_url()
    return tool


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_run_checks_the_server_and_stays_until_it_is_signalled(
    outside_tool: Tool, server: TemporaryServer, number: signal.Signals
) -> None:
    process = outside_tool.begin("run")
    wait_until("the line that names the server", lambda: "\n" in outside_tool.log)

    assert process.poll() is None
    assert "using PostgreSQL 18." in outside_tool.log
    assert f"at 127.0.0.1:{server.port}, because POSTGRES_URL is set" in outside_tool.log
    assert server.superuser_password not in outside_tool.log
    assert outside_tool.stop(process, number) == 0
    assert not outside_tool.state.data.exists()


def test_ready_checks_the_external_server(outside_tool: Tool) -> None:
    assert outside_tool.call("ready").returncode == 0


async def test_provision_creates_roles_there_and_does_not_change_other_databases(
    outside_tool: Tool, server: TemporaryServer
) -> None:
    superuser = await asyncpg.connect(server.superuser_url())
    await superuser.execute("GRANT CONNECT ON DATABASE postgres TO PUBLIC")

    provisioned = outside_tool.call("provision")

    assert (provisioned.returncode, provisioned.stderr) == (0, "")
    url = outside_tool.service_url("auth")
    assert url.startswith("postgresql://auth:")
    assert url.endswith(f"@127.0.0.1:{server.port}/cathouse")
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT current_schema()") == "auth"
    await connection.close()
    acl = await superuser.fetchval("SELECT has_database_privilege('auth', 'postgres', 'CONNECT')")
    await superuser.close()
    assert acl is True


def test_options_of_the_url_are_passed_to_the_services(outside_tool: Tool) -> None:
    outside_tool.environment["POSTGRES_URL"] += "?sslmode=disable"

    assert outside_tool.call("provision").returncode == 0

    assert outside_tool.service_url("catalog").endswith("/cathouse?sslmode=disable")


@pytest.mark.parametrize("command", ["run", "ready", "provision"])
def test_a_server_that_does_not_respond_is_named(
    tool: Tool, responding: Responding, command: str
) -> None:
    tool.environment["POSTGRES_URL"] = "postgresql://admin:hush-hush@127.0.0.1:1/postgres"

    result = tool.call(command)

    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "127.0.0.1:1" in result.stderr
    assert "hush-hush" not in result.stderr


@pytest.mark.parametrize("command", ["run", "ready", "provision"])
@pytest.mark.parametrize(
    "url",
    ["mysql://admin:hush-hush@db/x", "postgresql://admin:hush-hush@db:port/x", "postgresql:///x"],
)
def test_an_invalid_url_is_refused_without_showing_it(tool: Tool, command: str, url: str) -> None:
    tool.environment["POSTGRES_URL"] = url

    result = tool.call(command)

    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "POSTGRES_URL must have the form postgresql://" in result.stderr
    assert "hush-hush" not in result.stderr


def test_a_wrong_password_is_refused_in_one_line(
    outside_tool: Tool, server: TemporaryServer
) -> None:
    outside_tool.environment["POSTGRES_URL"] = (
        f"postgresql://postgres:hush-hush@127.0.0.1:{server.port}/postgres"
    )

    result = outside_tool.call("run")

    assert result.returncode == 1
    assert result.stderr == (
        f"cathouse-postgres: PostgreSQL at 127.0.0.1:{server.port} refuses postgres:"
        ' password authentication failed for user "postgres"\n'
    )


def test_an_older_server_is_refused(tool: Tool, responding: Responding) -> None:
    def message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("!i", 4 + len(body)) + body

    port = responding(
        message(b"R", struct.pack("!i", 0))
        + message(b"S", b"server_version\x0017.5\0")
        + message(b"K", struct.pack("!ii", 1, 2))
        + message(b"Z", b"I")
    )
    tool.environment["POSTGRES_URL"] = f"postgresql://admin:pw@127.0.0.1:{port}/postgres"

    result = tool.call("run")

    assert result.returncode == 1
    assert result.stderr == (
        f"cathouse-postgres: POSTGRES_URL is the address of PostgreSQL 17 at 127.0.0.1:{port}, and"
        " Cat House needs version 18 or newer: use another server, or unset POSTGRES_URL\n"
    )
