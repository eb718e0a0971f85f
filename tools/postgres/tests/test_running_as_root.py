"""Start as root: the server runs under another account, which depends on the machine and stays the same."""

import os
import pwd
import shutil
from pathlib import Path

import asyncpg
import pytest
from cathouse_postgres.account import choose_account
from cathouse_postgres.binaries import find_binaries

from .conftest import Tool

# One worker runs all of these tests, because each worker would first create its own cluster.
pytestmark = pytest.mark.xdist_group("cluster")

_ORDINARY_UIDS = {
    entry.pw_uid for entry in pwd.getpwall() if entry.pw_name in ("postgres", "nobody")
}


@pytest.fixture(scope="module")
def programs_for_all(open_folder: Path) -> Path:
    """Return the folder of PostgreSQL's programs, in a place that every account can open."""
    programs = find_binaries(None)
    if programs.parent.name != "pginstall":
        return programs
    package = programs.parent.parent  # the wheel may be below a closed home folder
    for part in package.parent.glob(f"{package.name}*"):  # also copy the libraries next to it
        if part.is_dir():
            shutil.copytree(part, open_folder / part.name)
    return open_folder / programs.relative_to(package.parent)


@pytest.fixture
def without_namespaces(tool: Tool, programs_for_all: Path) -> Tool:
    """Simulate a machine that refuses user namespaces, as containers do."""
    refusing = tool.folder / "refusing"
    refusing.mkdir()
    (refusing / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (refusing / "unshare").chmod(0o755)
    tool.environment["POSTGRES_BIN"] = str(programs_for_all)
    tool.environment["PATH"] = f"{refusing}{os.pathsep}{tool.environment['PATH']}"
    return tool


async def _uid_that_the_server_sees(tool: Tool) -> int:
    connection = await asyncpg.connect(tool.superuser_url)
    status = await connection.fetchval("SELECT pg_read_file('/proc/self/status')")
    await connection.close()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Uid:"))


async def test_the_server_never_sees_itself_as_root(used_tool: Tool) -> None:
    used_tool.start_ready()

    assert await _uid_that_the_server_sees(used_tool) in _ORDINARY_UIDS


async def test_without_namespaces_an_ordinary_account_owns_and_runs_it(
    without_namespaces: Tool,
) -> None:
    tool = without_namespaces
    process = tool.start_ready()

    owner = tool.state.data.stat().st_uid
    assert owner in _ORDINARY_UIDS
    assert await _uid_that_the_server_sees(tool) == owner
    assert tool.state.superuser_password.stat().st_uid == 0
    assert tool.call("provision").returncode == 0
    assert tool.call("run").returncode == 1  # the server under the other account holds the lock
    assert tool.stop(process) == 0

    (tool.folder / "refusing" / "unshare").unlink()
    tool.start_ready()

    assert await _uid_that_the_server_sees(tool) == owner
    assert tool.state.data.stat().st_uid == owner


def test_a_cluster_of_root_does_not_run_without_namespaces(
    without_namespaces: Tool,
) -> None:
    tool = without_namespaces
    for file, content in (
        (tool.state.data / "PG_VERSION", "18\n"),
        (tool.state.superuser_password, "password"),
    ):
        file.parent.mkdir(parents=True)
        file.write_text(content)

    refused = tool.call("run")

    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert f"chown -R nobody '{tool.state.data}'" in refused.stderr


def test_without_namespaces_a_closed_folder_is_named(without_namespaces: Tool) -> None:
    tool = without_namespaces
    tool.folder.chmod(0o700)

    refused = tool.call("run")

    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert str(tool.state.folder) in refused.stderr
    assert "chmod o+x" in refused.stderr
    assert not tool.state.data.exists()


async def test_an_ordinary_user_needs_no_other_account(tool: Tool) -> None:
    user = choose_account(find_binaries(None), tool.folder, None)
    user.own(tool.folder)
    user.own(tool.folder / "log")
    tool.prefix = user.prefix

    process = tool.start_ready()

    provisioned = tool.call("provision")
    assert (provisioned.returncode, provisioned.stderr) == (0, "")
    assert await _uid_that_the_server_sees(tool) in _ORDINARY_UIDS
    assert process.pid == int((tool.state.data / "postmaster.pid").read_text().split("\n")[0])
