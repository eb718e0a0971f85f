import asyncio
import io
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from cathouse_auth.commands import COMMANDS
from cathouse_auth.settings import Settings
from cathouse_kit.cli import run_service_command
from cathouse_kit.testing import Execute, bearer
from cathouse_platform.platform import Role

from .conftest import Join, SignIn

Run = Callable[..., Awaitable[subprocess.CompletedProcess[bytes]]]

PASSWORD = "correct horse battery"
ROOT = {"email": "root@example.com", "password": PASSWORD}
CREATE = ("create-admin", "--email", "root@example.com")

# Makes the terminal on standard input the controlling one, like a login shell, and then executes the command.
_IN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """The environment of an operator's shell."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return inherited | {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "SERVICE_TOKEN": settings.service_token.get_secret_value(),
    }


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run `python -m cathouse_auth` with these arguments, and with `given` on standard input."""

    async def run(
        *arguments: str, given: bytes = b"", **changes: str
    ) -> subprocess.CompletedProcess[bytes]:
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "cathouse_auth", *arguments],
            input=given,
            capture_output=True,
            cwd=tmp_path,
            env=environment | changes,
            timeout=60,
            check=False,
        )

    return run


class Terminal:
    """A command at a terminal. The test types into it."""

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str], folder: Path):
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _IN_TERMINAL, "-m", "cathouse_auth", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def wait_for(self, prompt: str) -> None:
        deadline = time.monotonic() + 60
        while prompt not in self.shown:
            assert self._read(deadline - time.monotonic()), self.shown

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Read the remaining output, and return the exit status."""
        while self._read(60):
            pass
        return self._process.wait(timeout=60)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], max(0, seconds))[0]:
            return False
        try:
            read = os.read(self._ours, 4096)
        except OSError:  # Linux raises it when the other side is closed.
            return False
        self.shown += read.decode()
        return bool(read)


@pytest.fixture
def terminal(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Start `python -m cathouse_auth` with these arguments at a terminal."""
    opened: list[Terminal] = []

    def terminal(*arguments: str) -> Terminal:
        opened.append(Terminal(arguments, environment, tmp_path))
        return opened[-1]

    yield terminal
    for each in opened:
        each.close()


def assert_one_line(error: bytes, *parts: str) -> None:
    text = error.decode()
    assert text.count("\n") == 1, text
    assert all(part in text for part in parts), text
    assert "Traceback" not in text
    assert PASSWORD not in text


async def test_an_admin_is_created_with_a_password_from_standard_input(
    run: Run, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    done = await run(
        "create-admin",
        "--email",
        "Root@Example.com",
        "--display-name",
        "The Root",
        given=f"{PASSWORD}\nand more\n".encode(),
    )
    assert (done.returncode, done.stdout) == (0, b"root@example.com is an admin\n")
    assert_one_line(done.stderr, '"event":"admin_created"')
    assert b"@" not in done.stderr
    token = (await sign_in(ROOT)).json()["access_token"]
    me = (await client.get("/api/v1/auth/me", headers=bearer(token))).json()
    assert (me["role"], me["display_name"]) == ("admin", "The Root")
    users = await client.get("/api/v1/auth/users", headers=bearer(token))
    assert users.status_code == 200


async def test_an_admin_is_created_with_a_password_typed_twice_and_never_shown(
    terminal: Callable[..., Terminal], sign_in: SignIn, execute: Execute
) -> None:
    command = terminal(*CREATE)
    await asyncio.to_thread(command.wait_for, "Password: ")
    command.type(f"{PASSWORD}\n")
    await asyncio.to_thread(command.wait_for, "Repeat the password: ")
    command.type(f"{PASSWORD}\n")
    assert await asyncio.to_thread(command.end) == 0
    assert "root@example.com is an admin" in command.shown
    assert PASSWORD not in command.shown
    assert (await sign_in(ROOT)).status_code == 200
    (row,) = await execute("select display_name from people")
    assert row["display_name"] == "root"


async def test_two_different_passwords_create_no_admin(
    terminal: Callable[..., Terminal], execute: Execute
) -> None:
    command = terminal(*CREATE)
    await asyncio.to_thread(command.wait_for, "Password: ")
    command.type(f"{PASSWORD}\n")
    await asyncio.to_thread(command.wait_for, "Repeat the password: ")
    command.type("something else entirely\n")
    assert await asyncio.to_thread(command.end) == 1
    assert "the two passwords are not the same" in command.shown
    assert "Traceback" not in command.shown
    assert await execute("select id from people") == []


@pytest.mark.parametrize(("key", "status"), [("\x03", 130), ("\x04", 1)], ids=["Ctrl-C", "Ctrl-D"])
async def test_the_prompt_can_be_interrupted(
    terminal: Callable[..., Terminal], key: str, status: int
) -> None:
    command = terminal(*CREATE)
    await asyncio.to_thread(command.wait_for, "Password: ")
    command.type(key)
    assert await asyncio.to_thread(command.end) == status
    assert "Traceback" not in command.shown


async def test_a_taken_email_is_refused_and_the_person_is_unchanged(
    run: Run, join: Join, sign_in: SignIn, execute: Execute
) -> None:
    ada = await join("Ada", Role.DEVELOPER)
    done = await run("create-admin", "--email", "ADA@example.com", given=PASSWORD.encode())
    assert (done.returncode, done.stdout) == (1, b"")
    assert_one_line(done.stderr, "--email ada@example.com", "already")
    assert (await sign_in(ada)).status_code == 200
    (row,) = await execute("select role from people")
    assert row["role"] == "developer"


async def test_the_email_is_refused_as_the_password(run: Run, execute: Execute) -> None:
    done = await run(*CREATE, given=b"ROOT@example.com")
    assert (done.returncode, done.stdout) == (1, b"")
    assert_one_line(done.stderr, "the password", "email")
    assert await execute("select id from people") == []


async def test_a_weak_password_is_refused_for_an_admin(run: Run, execute: Execute) -> None:
    done = await run(*CREATE, given=b"passwordpassword")
    assert (done.returncode, done.stdout) == (1, b"")
    assert_one_line(done.stderr, "the password is too easy to guess")
    assert await execute("select id from people") == []


@pytest.mark.parametrize(
    ("arguments", "given", "parts"),
    [
        (("--email", "root"), PASSWORD.encode(), ("--email root", "@")),
        ((*CREATE[1:], "--display-name", " "), PASSWORD.encode(), ("--display-name",)),
        (CREATE[1:], b"too short", ("the password", "12")),
        (CREATE[1:], b"", ("the password", "12")),
        (CREATE[1:], b"a" * 1000, ("the password", "128")),
        (CREATE[1:], b"\xff" * 12, ("the password", "UTF-8")),
        (CREATE[1:], b"NUL \0 in the middle", ("the password", "control")),
    ],
    ids=["email", "name", "short", "empty", "long", "not text", "NUL"],
)
def test_bad_input_gets_one_line_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    given: bytes,
    parts: tuple[str, ...],
) -> None:
    # In this process: most of the time of such a command is the start of a process.
    monkeypatch.setattr(sys, "argv", ["cathouse_auth", "create-admin", *arguments])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    with pytest.raises(SystemExit) as ended:
        run_service_command("cathouse_auth", COMMANDS)
    assert capsys.readouterr().out == ""
    assert_one_line(f"{ended.value.code}\n".encode(), *parts)


async def test_the_password_is_not_accepted_as_an_argument(run: Run) -> None:
    done = await run(*CREATE, "--password", PASSWORD)
    assert done.returncode == 2


async def test_rotate_keys_prints_the_id_of_the_new_key(
    run: Run, client: httpx.AsyncClient, execute: Execute
) -> None:
    (old,) = (await client.get("/api/v1/auth/jwks")).json()["keys"]
    done = await run("rotate-keys")
    assert done.returncode == 0
    assert_one_line(done.stderr, '"event":"signing_key_rotated"', done.stdout.decode().strip())
    rows = await execute("select kid, retired_at from signing_keys order by created_at")
    assert [row["kid"] for row in rows] == [old["kid"], done.stdout.decode().strip()]
    assert [row["retired_at"] is None for row in rows] == [False, True]


async def test_a_database_at_another_revision_is_left_alone(run: Run, execute: Execute) -> None:
    (head,) = await execute("select version_num from alembic_version")
    await execute("update alembic_version set version_num = '0000'")
    try:
        commands = await asyncio.gather(run("rotate-keys"), run(*CREATE, given=PASSWORD.encode()))
    finally:
        await execute("update alembic_version set version_num = :version_num", **head)
    for done in commands:
        assert (done.returncode, done.stdout) == (1, b"")
        assert_one_line(done.stderr, "at revision 0000", "python -m cathouse_auth migrate")
    assert await execute("select id from people") == []
    assert await execute("select kid from signing_keys") == []


async def test_an_unreachable_database_gives_one_line(run: Run) -> None:
    done = await run(
        *CREATE,
        given=PASSWORD.encode(),
        DATABASE_URL="postgresql://auth:hidden@127.0.0.1:9/cathouse",
    )
    assert done.returncode == 1
    assert_one_line(done.stderr, "DATABASE_URL")
    assert b"hidden" not in done.stderr


async def test_each_wrong_setting_gives_one_line(run: Run) -> None:
    done = await run("rotate-keys", SERVICE_TOKEN="brief", LOGIN_LIMIT_BY_ACCOUNT="often")
    assert done.returncode == os.EX_CONFIG
    lines = sorted(done.stderr.decode().splitlines())
    assert [line.split(":")[1].split("=")[0].strip() for line in lines] == [
        "LOGIN_LIMIT_BY_ACCOUNT",
        "SERVICE_TOKEN",
    ]
    assert "brief" not in done.stderr.decode()
