"""The commands of the Makefile for one service, against the running stack."""

import re
import shlex
import subprocess
import sys

import pytest
from cathouse_kit.testing import wait_until

from .platform import SERVICES, Platform

pytestmark = pytest.mark.xdist_group("stack")


def command(platform: Platform, *words: str, typed: str = "") -> str:
    """Run a command of the stack, with `typed` on its standard input; return what it prints."""
    result = subprocess.run(
        [sys.executable, "-m", "cathouse_stack", *words],
        cwd=platform.stack.folder,
        env=platform.stack.environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_psql_has_the_rights_of_the_service(platform: Platform) -> None:
    typed = "select current_user, count(*) >= 0, has_schema_privilege('auth', 'usage') from catalog.cats;"
    assert "catalog      | t        | f" in command(
        platform, "psql", "--service=catalog", typed=typed
    )


def test_the_shell_has_settings_and_a_session(platform: Platform) -> None:
    typed = """\
settings.port, settings.auth_url
await session.scalar(text("select current_user"))
1 / 0
"still here"
"""
    said = command(platform, "shell", "--service=catalog", typed=typed)
    ports = platform.stack.ports
    assert f"({ports['catalog']}, 'http://127.0.0.1:{ports['auth']}')" in said
    assert "'catalog'" in said
    assert "'still here'" in said


def test_a_service_is_restarted_and_ready(platform: Platform) -> None:
    runner = shlex.join(platform.stack.command("process", "restart"))
    before = platform.stack.started("catalog")
    said = command(platform, "restart", "--service=catalog", "--with", runner)
    assert re.fullmatch(r"catalog is ready again, after \d+\.\d s\n", said)
    assert platform.stack.started("catalog") != before
    wait_until("the stack to be ready", lambda: all(map(platform.stack.ready, SERVICES)))


def test_a_request_is_found_in_the_logs_of_each_service_that_it_reached(platform: Platform) -> None:
    request_id = "0123456789abcdef"
    path = "/api/v1/catalog/cats/00000000-0000-4000-8000-000000000000"
    headers = {"X-Request-ID": request_id}
    platform.client.get(platform.stack.url("catalog") + path, headers=headers)

    def lines() -> list[str]:
        words = (f"--request={request_id}", "--follow=no", "--level=INFO")
        return command(platform, "logs", *words).splitlines()

    (line,) = wait_until("the line of the request", lines)
    assert line.startswith("catalog ")
    assert "status=404" in line


def test_schemas_at_their_newest_revision_need_no_migration(platform: Platform) -> None:
    assert {line.partition(":")[0] for line in command(platform, "migrate").splitlines()} == {
        *SERVICES
    }
    words = ("migration", "--service=catalog", "--name=add nicknames")
    assert command(platform, *words).startswith("nothing to migrate: ")
