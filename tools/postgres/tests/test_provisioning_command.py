"""`cathouse-postgres provision`: the files with the connection URLs of the services."""

import stat
from pathlib import Path

import asyncpg
import pytest

from .conftest import Tool

# One worker runs all of these tests, because each worker would first create its own cluster.
pytestmark = pytest.mark.xdist_group("cluster")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _written(tool: Tool) -> dict[str, tuple[str, int]]:
    files = {name: tool.state.database_url(name) for name in ("auth", "catalog")}
    return {name: (file.read_text(), file.stat().st_mtime_ns) for name, file in files.items()}


async def _logs_in(url: str) -> bool:
    connection = await asyncpg.connect(url)
    result = await connection.fetchval("SELECT true")
    await connection.close()
    return bool(result)


async def test_each_service_gets_a_private_file_with_its_url(used_tool: Tool) -> None:
    used_tool.start_ready()
    assert used_tool.call("provision").returncode == 0

    for name in ("auth", "catalog"):
        file = used_tool.state.database_url(name)
        assert file == used_tool.state.folder / "secrets" / name / "database_url"
        assert _mode(file) == 0o600
        assert _mode(file.parent) == 0o700
        assert [entry.name for entry in file.parent.iterdir()] == ["database_url"]
        url = file.read_text()
        assert url.startswith(f"postgresql://{name}:")
        assert url.endswith(f"@127.0.0.1:{used_tool.port}/cathouse")
        assert await _logs_in(url)


def test_a_second_provision_changes_nothing(used_tool: Tool) -> None:
    used_tool.start_ready()
    before = _written(used_tool)

    again = used_tool.call("provision")

    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert _written(used_tool) == before


async def test_a_changed_password_of_a_role_is_restored(used_tool: Tool) -> None:
    used_tool.start_ready()
    connection = await asyncpg.connect(used_tool.superuser_url)
    await connection.execute("ALTER ROLE auth PASSWORD 'another'")
    await connection.close()
    before = _written(used_tool)

    assert used_tool.call("provision").returncode == 0

    assert _written(used_tool) == before
    assert await _logs_in(used_tool.service_url("auth"))


@pytest.mark.parametrize("content", [None, "", "nonsense", "postgresql://auth:ä@[/"])
async def test_a_lost_or_damaged_file_is_written_again(
    used_tool: Tool, content: str | None
) -> None:
    used_tool.start_ready()
    file = used_tool.state.database_url("auth")
    file.unlink()
    if content is not None:
        file.write_text(content)

    assert used_tool.call("provision").returncode == 0

    assert _mode(file) == 0o600
    assert await _logs_in(file.read_text())


async def test_a_changed_port_is_written_and_passwords_stay(used_tool: Tool) -> None:
    before = used_tool.service_url("auth")
    old_port = used_tool.port
    used_tool.state.port.write_text("none\n")
    used_tool.start_ready()
    assert used_tool.port != old_port

    assert used_tool.call("provision").returncode == 0

    assert used_tool.service_url("auth") == before.replace(f":{old_port}/", f":{used_tool.port}/")
    assert await _logs_in(used_tool.service_url("auth"))


def test_a_file_that_others_can_read_gets_private_permissions(used_tool: Tool) -> None:
    used_tool.start_ready()
    used_tool.state.database_url("auth").chmod(0o644)

    assert used_tool.call("provision").returncode == 0

    assert _mode(used_tool.state.database_url("auth")) == 0o600


async def test_two_concurrent_provisions_leave_valid_files(used_tool: Tool) -> None:
    used_tool.start_ready()
    for name in ("auth", "catalog"):
        used_tool.state.database_url(name).unlink()

    both = [used_tool.begin("provision") for _ in range(2)]

    assert [process.wait(20) for process in both] == [0, 0]
    for name in ("auth", "catalog"):
        assert await _logs_in(used_tool.service_url(name))


def test_before_the_first_run_the_error_says_what_to_start(tool: Tool) -> None:
    result = tool.call("provision")

    assert result.returncode == 1
    assert result.stderr == (
        f"cathouse-postgres: {tool.state.folder} contains no PostgreSQL yet:"
        " start it with cathouse-postgres run\n"
    )


def test_a_stopped_server_is_reported(used_tool: Tool) -> None:
    result = used_tool.call("provision")

    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"PostgreSQL at 127.0.0.1:{used_tool.port} does not respond" in result.stderr


def test_outside_the_root_of_the_repository_the_error_says_where_to_run(tool: Tool) -> None:
    (tool.folder / "services.toml").unlink()

    result = tool.call("provision")

    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "services.toml does not exist here" in result.stderr


@pytest.mark.parametrize("command", ["run", "provision"])
def test_a_folder_that_cannot_be_written_is_named(tool: Tool, command: str) -> None:
    tool.environment["STATE_DIR"] = "/dev/null/state"

    result = tool.call(command)

    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "/dev/null/state" in result.stderr


async def test_drop_removes_a_former_service_and_refuses_a_registered_one(
    used_tool: Tool,
) -> None:
    used_tool.start_ready()
    kept = used_tool.call("drop", "auth")
    assert kept.returncode == 1
    assert "auth is still a service of services.toml" in kept.stderr
    unknown = used_tool.call("drop", "nobody")
    assert unknown.stderr == (
        "cathouse-postgres: the server has no role nobody: check the name of the removed service\n"
    )

    registry = used_tool.folder / "services.toml"
    text = registry.read_text()
    registry.write_text(text.replace("catalog", "former"))
    assert used_tool.call("provision").returncode == 0
    registry.write_text(text)
    assert used_tool.call("drop", "former").returncode == 0
    assert not used_tool.state.database_url("former").parent.exists()
    connection = await asyncpg.connect(used_tool.superuser_url.rpartition("/")[0] + "/cathouse")
    left = "SELECT (SELECT count(*) FROM pg_roles WHERE rolname = 'former'), to_regnamespace('former')::text"
    assert tuple(await connection.fetchrow(left)) == (0, None)
    await connection.close()
