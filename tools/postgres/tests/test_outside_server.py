"""POSTGRES_URL: a server of somebody else's, here a throwaway one."""

import signal
import struct

import asyncpg
import pytest
from cathouse_kit.testing import wait_until
from cathouse_postgres.testing import TemporaryServer

from .conftest import Answering, Tool

# One worker for all: each would start a server of its own first.
pytestmark = pytest.mark.xdist_group("throwaway server")


@pytest.fixture
def outside_tool(tool: Tool, server: TemporaryServer) -> Tool:
    tool.environment["POSTGRES_URL"] = server.superuser_url()
    return tool


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_run_checks_the_server_and_stays_until_it_is_signalled(
    outside_tool: Tool, server: TemporaryServer, number: signal.Signals
) -> None:
    process = outside_tool.begin("run")
    wait_until("it to say which server it uses", lambda: "\n" in outside_tool.log)

    assert process.poll() is None
    assert "using PostgreSQL 18." in outside_tool.log
    assert f"at 127.0.0.1:{server.port}, as POSTGRES_URL says" in outside_tool.log
    assert server.superuser_password not in outside_tool.log
    assert outside_tool.stop(process, number) == 0
    assert not outside_tool.state.data.exists()


def test_ready_asks_the_outside_server(outside_tool: Tool) -> None:
    assert outside_tool.call("ready").returncode == 0


async def test_provision_makes_roles_there_and_leaves_its_other_databases_alone(
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


def test_options_of_the_url_go_on_to_the_services(outside_tool: Tool) -> None:
    outside_tool.environment["POSTGRES_URL"] += "?sslmode=disable"

    assert outside_tool.call("provision").returncode == 0

    assert outside_tool.service_url("catalog").endswith("/cathouse?sslmode=disable")


@pytest.mark.parametrize("command", ["run", "ready", "provision"])
def test_a_server_that_does_not_answer_is_named(
    tool: Tool, answering: Answering, command: str
) -> None:
    tool.environment["POSTGRES_URL"] = "postgresql://admin:hush-hush@127.0.0.1:1/postgres"

    answer = tool.call(command)

    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "127.0.0.1:1" in answer.stderr
    assert "hush-hush" not in answer.stderr


@pytest.mark.parametrize("command", ["run", "ready", "provision"])
@pytest.mark.parametrize(
    "url",
    ["mysql://admin:hush-hush@db/x", "postgresql://admin:hush-hush@db:port/x", "postgresql:///x"],
)
def test_a_url_that_is_none_is_refused_without_showing_it(
    tool: Tool, command: str, url: str
) -> None:
    tool.environment["POSTGRES_URL"] = url

    answer = tool.call(command)

    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "POSTGRES_URL must look like postgresql://" in answer.stderr
    assert "hush-hush" not in answer.stderr


def test_a_wrong_password_is_refused_in_one_line(
    outside_tool: Tool, server: TemporaryServer
) -> None:
    outside_tool.environment["POSTGRES_URL"] = (
        f"postgresql://postgres:hush-hush@127.0.0.1:{server.port}/postgres"
    )

    answer = outside_tool.call("run")

    assert answer.returncode == 1
    assert answer.stderr == (
        f"cathouse-postgres: PostgreSQL at 127.0.0.1:{server.port} refuses postgres:"
        ' password authentication failed for user "postgres"\n'
    )


def test_an_older_server_is_refused(tool: Tool, answering: Answering) -> None:
    def message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("!i", 4 + len(body)) + body

    port = answering(
        message(b"R", struct.pack("!i", 0))
        + message(b"S", b"server_version\x0017.5\0")
        + message(b"K", struct.pack("!ii", 1, 2))
        + message(b"Z", b"I")
    )
    tool.environment["POSTGRES_URL"] = f"postgresql://admin:pw@127.0.0.1:{port}/postgres"

    answer = tool.call("run")

    assert answer.returncode == 1
    assert answer.stderr == (
        f"cathouse-postgres: POSTGRES_URL leads to PostgreSQL 17 at 127.0.0.1:{port}:"
        " Cat House needs 18 or newer\n"
    )
