"""`cathouse-postgres run` and `ready`: a real cluster from its creation to its crash."""

import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import asyncpg
import pytest
from cathouse_kit.testing import wait_until
from cathouse_postgres.ports import ADDRESS

from .conftest import Tool

# One worker runs all of these tests, because each worker would first create its own cluster.
pytestmark = pytest.mark.xdist_group("cluster")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _partial(tool: Tool) -> Path:
    return tool.state.data.with_name("postgres.partial")


def _snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_mode, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_the_first_run_creates_a_private_utf8_cluster_with_checksums_and_scram(
    used_tool: Tool,
) -> None:
    process = used_tool.start_ready()

    connection = await asyncpg.connect(used_tool.superuser_url)
    shown = {
        name: await connection.fetchval(f"SHOW {name}")
        for name in (
            "server_encoding",
            "data_checksums",
            "listen_addresses",
            "unix_socket_directories",
            "fsync",
            "max_connections",
            "TimeZone",
        )
    }
    locale = await connection.fetchrow(
        "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'postgres'"
    )
    methods = await connection.fetch("SELECT DISTINCT auth_method FROM pg_hba_file_rules")
    await connection.close()

    assert shown == {
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "on",
        "max_connections": "100",
        "TimeZone": "UTC",
    }
    assert tuple(locale) == (b"b", "C.UTF-8")
    assert [row["auth_method"] for row in methods] == ["scram-sha-256"]
    assert _mode(used_tool.state.data) == 0o700
    assert _mode(used_tool.state.superuser_password) == 0o600
    assert _mode(used_tool.state.superuser_password.parent) == 0o700
    assert _mode(used_tool.state.superuser_password.parent.parent) == 0o700
    assert process.pid == int((used_tool.state.data / "postmaster.pid").read_text().split("\n")[0])


def test_no_password_is_in_the_process_list_or_in_the_log(used_tool: Tool) -> None:
    process = used_tool.start_ready()
    provisioned = used_tool.call("provision")
    passwords = [used_tool.state.superuser_password.read_text()] + [
        used_tool.service_url(name).partition(f"{name}:")[2].partition("@")[0]
        for name in ("auth", "catalog")
    ]

    said = used_tool.log + provisioned.stdout + provisioned.stderr
    processes = subprocess.run(
        ["ps", "-A", "-ww", "-o", "args"], capture_output=True, text=True, check=True
    ).stdout

    assert all(len(password) >= 32 for password in passwords)
    assert len(set(passwords)) == 3
    assert used_tool.folder.name.split()[-1] in processes
    for password in passwords:
        assert password not in said
        assert password not in processes
    assert "FATAL" not in said
    assert "ERROR" not in said
    assert used_tool.stop(process) == 0


async def test_a_wrong_password_is_refused(used_tool: Tool) -> None:
    used_tool.start_ready()

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(
            host=ADDRESS,
            port=used_tool.port,
            user="postgres",
            password="wrong",
            database="postgres",
        )


async def test_port_and_data_stay_after_a_restart(used_tool: Tool) -> None:
    process = used_tool.start_ready()
    port = used_tool.port
    connection = await asyncpg.connect(used_tool.superuser_url)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 'whiskers' AS name")
    await connection.close()
    used_tool.stop(process)

    used_tool.start_ready()

    assert used_tool.port == port
    connection = await asyncpg.connect(used_tool.superuser_url)
    assert await connection.fetchval("SELECT name FROM kept") == "whiskers"
    await connection.close()


def test_a_port_in_use_is_replaced_permanently(used_tool: Tool) -> None:
    with socket.socket() as other:
        other.bind((ADDRESS, 0))
        other.listen()
        taken = other.getsockname()[1]
        used_tool.state.port.write_text(f"{taken}\n")

        process = used_tool.start_ready()
        chosen = used_tool.port
        used_tool.stop(process)

    assert chosen != taken
    assert (
        f"port {taken} of PostgreSQL is in use by another program: using {chosen} from now on"
        in used_tool.log
    )
    used_tool.start_ready()
    assert used_tool.port == chosen


def test_a_second_run_is_refused_with_the_process_id_of_the_first(used_tool: Tool) -> None:
    first = used_tool.start_ready()

    second = used_tool.call("run")

    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"already runs, as process {first.pid}" in second.stderr
    assert used_tool.call("ready").returncode == 0


def test_after_kill_9_the_next_run_recovers(used_tool: Tool) -> None:
    process = used_tool.start_ready()
    used_tool.stop(process, signal.SIGKILL)
    assert (used_tool.state.data / "postmaster.pid").exists()

    used_tool.start_ready()

    assert "automatic recovery in progress" in used_tool.log


def test_a_stale_process_file_with_the_id_of_another_program_does_not_block(
    used_tool: Tool,
) -> None:
    stale = used_tool.state.data / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{used_tool.state.data}\n1700000000\n5\n\n127.0.0.1\n")

    process = used_tool.start_ready()

    assert stale.read_text().startswith(f"{process.pid}\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_stops_the_server_cleanly(used_tool: Tool, number: signal.Signals) -> None:
    process = used_tool.start_ready()

    assert used_tool.stop(process, number) == 0

    assert "database system is shut down" in used_tool.log
    assert not (used_tool.state.data / "postmaster.pid").exists()


def test_a_cluster_of_another_major_version_is_refused_and_not_changed(tool: Tool) -> None:
    (tool.state.data / "base").mkdir(parents=True)
    (tool.state.data / "PG_VERSION").write_text("17\n")
    before = _snapshot(tool.state.folder)

    refused = tool.call("run")

    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    data = tool.state.data
    assert f"{data} was created by PostgreSQL 17, and this is PostgreSQL 18" in refused.stderr
    assert "pg_dumpall of PostgreSQL 17" in refused.stderr
    assert f"mv '{data}' '{data}-17'" in refused.stderr
    assert _snapshot(tool.state.folder) == before


def test_a_folder_with_other_content_is_refused_and_not_changed(tool: Tool) -> None:
    tool.state.data.mkdir(parents=True)
    (tool.state.data / "holiday.jpg").write_bytes(b"picture")
    before = _snapshot(tool.state.data)

    refused = tool.call("run")

    assert refused.returncode == 1
    assert f"{tool.state.data} is not a data folder of PostgreSQL" in refused.stderr
    assert _snapshot(tool.state.data) == before


def test_an_empty_data_folder_is_treated_as_missing(tool: Tool) -> None:
    tool.state.data.mkdir(parents=True)

    tool.start_ready()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_first_run_leaves_nothing(tool: Tool, number: signal.Signals) -> None:
    process = tool.begin("run")
    wait_until("initdb to be at work", (_partial(tool) / "data" / "base").exists)

    assert tool.stop(process, number) == (130 if number == signal.SIGINT else 143)

    assert tool.log == ""
    assert not tool.state.data.exists()
    assert not _partial(tool).exists()


def test_a_first_run_that_was_killed_does_not_break_the_next(tool: Tool) -> None:
    process = tool.begin("run")
    wait_until("initdb to be at work", (_partial(tool) / "data" / "base").exists)
    tool.stop(process, signal.SIGKILL)
    assert not tool.state.data.exists()

    tool.start_ready()

    assert not _partial(tool).exists()


def test_a_lost_superuser_password_is_named(tool: Tool) -> None:
    tool.state.data.mkdir(parents=True)
    (tool.state.data / "PG_VERSION").write_text("18\n")

    refused = tool.call("run")

    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert f"{tool.state.superuser_password} is missing" in refused.stderr


def test_ready_prints_the_reason_in_one_line(used_tool: Tool) -> None:
    before = used_tool.call("ready")
    process = used_tool.start_ready()
    while_up = used_tool.call("ready")
    used_tool.stop(process)
    after = used_tool.call("ready")

    assert (while_up.returncode, while_up.stdout, while_up.stderr) == (0, "", "")
    for result in (before, after):
        assert result.returncode == 1
        assert result.stderr == (
            f"cathouse-postgres: PostgreSQL is not ready: no server runs on {used_tool.state.data}\n"
        )


def test_ready_fails_after_kill_9_although_the_process_file_exists(used_tool: Tool) -> None:
    process = used_tool.start_ready()
    used_tool.stop(process, signal.SIGKILL)

    result = used_tool.call("ready")

    assert result.returncode == 1
    assert f"127.0.0.1:{used_tool.port} does not respond" in result.stderr
