"""The demonstration runs against the composed stack, with a cat in its own container, and survives restarts."""

import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .engine import Stack

HERE = Path(__file__).parent


@pytest.fixture
def stack_with_cat(stack: Stack) -> Iterator[Stack]:
    shutil.copy(HERE / "cat.yaml", stack.folder)
    before = stack.files
    stack.files = (*before, "cat.yaml")
    try:
        stack.start()
        yield stack
    finally:
        stack.compose("rm", "--force", "--stop", "tasks")
        stack.files = before
        stack.start()


def test_the_journey_runs_against_the_composed_stack(stack_with_cat: Stack) -> None:
    stack = stack_with_cat
    compose = ["docker", "compose", "--ansi=never", "--progress=quiet"]
    create_admin = [
        *compose,
        *("exec", "-T", "auth", "python", "-m", "cathouse_auth", "create-admin"),
    ]
    authority = stack.folder / "authority.crt"
    authority.write_text(stack.authority())
    stack.environment["SSL_CERT_FILE"] = str(authority)
    result = stack.run(
        *(sys.executable, "-m", "cathouse_stack"),
        "demo",
        f"--address={stack.address}",
        "--restart",
        shlex.join([*compose, "restart"]),
        "--create-admin",
        shlex.join(create_admin),
        "--cat=http://tasks:8010",
    )
    del stack.environment["SSL_CERT_FILE"]
    assert result.returncode == 0, result.stdout
    print(result.stdout)
    for step in (
        "adds a task through the proxy",
        "cannot delete a task",
        "is refused from then on",
        "restarts postgres",
    ):
        assert step in result.stdout
    # The audit returns its newest row first.
    assert "scope_missing" in result.stdout
    assert "installation_paused" in result.stdout
