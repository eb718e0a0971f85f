import asyncio
import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from cathouse_kit.cli import Command, CommandError, run_service_command
from sqlalchemy import Column, String, Table

from .conftest import Logged
from .support import NO_DATABASE, TOKEN, running_package

Run = Callable[..., int | str | None]


@pytest.fixture
def run(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> Run:
    """Run a command of a package in this process, and return its exit status or its error line."""
    root = tmp_path_factory.mktemp("cli")
    name = f"cathouse_{root.name}"
    running_package(root, name)
    monkeypatch.syspath_prepend(root)
    monkeypatch.chdir(root)
    monkeypatch.setenv("DATABASE_URL", NO_DATABASE)
    monkeypatch.setenv("SERVICE_TOKEN", TOKEN)

    def run(*arguments: str, commands: tuple[Command, ...] = ()) -> int | str | None:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        try:
            run_service_command(name, commands)
        except SystemExit as ended:
            return (
                str(ended.code).replace(name, "PACKAGE")
                if isinstance(ended.code, str)
                else ended.code
            )
        return 0

    return run


def test_a_database_that_is_down_gives_one_line(run: Run) -> None:
    said = run("migrate")
    assert isinstance(said, str)
    assert said.startswith("PACKAGE: DATABASE_URL: PostgreSQL does not respond: [Errno 111]")
    assert "\n" not in said


def test_a_wrong_password_gives_one_line(
    run: Run, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, _, rest = empty_database.removeprefix("postgresql://").partition("@")
    role = user.partition(":")[0]
    monkeypatch.setenv("DATABASE_URL", f"postgresql://{role}:wrong@{rest}")
    assert run("migrate") == (
        "PACKAGE: DATABASE_URL: PostgreSQL does not respond: "
        f'password authentication failed for user "{role}"'
    )


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


@pytest.fixture
def running_schema(empty_database: str) -> Iterator[str]:
    """The URL of a database with the package's empty schema."""
    asyncio.run(execute(empty_database, "create schema running"))
    yield empty_database
    asyncio.run(execute(empty_database, "drop schema running cascade"))


def test_migrating_up_down_and_by_a_new_revision(
    run: Run,
    running_schema: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", running_schema)
    for arguments, said in [
        (("migrate",), "running: None → 0001\n"),
        (("migrate",), "running: at 0001\n"),
        (("migrate", "--to", "base"), "running: 0001 → base\n"),
        (("migrate", "--to", "0001"), "running: None → 0001\n"),
    ]:
        assert run(*arguments) == 0
        assert capsys.readouterr().out == said
    assert run("revision", "nothing new") == 0
    assert capsys.readouterr().out.startswith("nothing to migrate: ")
    assert not list(Path.cwd().glob("*/migrations/versions/0002_*.py"))
    (package,) = (path.parent.name for path in Path.cwd().glob("*/models.py"))
    metadata = importlib.import_module(f"{package}.models").Base.metadata
    Table("toys", metadata, Column("name", String, primary_key=True))
    assert run("revision", "add toys") == 0
    assert "0002_add_toys.py: review it before you migrate\n" in capsys.readouterr().out
    assert run("revision", "add more") == (
        "PACKAGE: the database is at revision 0001, not at 0002: run python -m PACKAGE migrate"
    )
    (written,) = Path.cwd().glob("*/migrations/versions/0002_*.py")
    assert 'down_revision = "0001"' in written.read_text().replace("'", '"')
    assert run("migrate", "--to", "0009") == (
        "PACKAGE: schema running cannot be migrated from 0001 to 0009: "
        "Can't locate revision identified by '0009'. The newest revision of this package is 0002. "
        "If the database is newer, install the version that migrated it"
    )


@pytest.mark.parametrize(
    "message", ["", " ", "..", 'a """ b', "a\nb", "${a}", "a; b", "../a", "-a"]
)
def test_a_message_that_could_be_code_or_a_path_is_refused(run: Run, message: str) -> None:
    said = run("revision", "--", message)
    assert isinstance(said, str)
    assert said.startswith(f"PACKAGE: {message!r} cannot name a migration: ")


def test_a_service_can_add_commands(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    def feed(arguments: object) -> None:
        raise CommandError("there is no food")

    feeding = Command("feed", "feed the cat", feed)
    assert run("feed", commands=(feeding,)) == "PACKAGE: there is no food"
    assert run("--help", commands=(feeding,)) == 0
    help_text = capsys.readouterr().out
    for word in ("serve", "migrate", "revision", "feed the cat"):
        assert word in help_text


def test_an_unknown_command_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("swim") == 2
    assert "invalid choice: 'swim'" in capsys.readouterr().err


def test_the_health_check_of_images_starts_without_asyncio() -> None:
    # It runs every five seconds in each container, and importing asyncio cost a quarter of its time.
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, cathouse_kit.cli; print('asyncio' in sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert loaded.stdout == "False\n"
