"""`make demo` works against the running stack."""

import re
import shlex
import subprocess

import pytest
from cathouse_kit.testing import wait_until

from .platform import SERVICES, Platform

pytestmark = pytest.mark.xdist_group("stack")

# The person, the step, the status or "done", and the time.
STEP = re.compile(r"(\w+) +(\S.*?) +(\d{3}|ok) +\d+\.\d ms")
ACTORS = {"olga", "ada", "paul", "make"}


def tell(platform: Platform) -> list[tuple[str, str, str]]:
    """Run the demo. Return its steps."""
    stack = platform.stack
    demo = subprocess.run(
        ["cathouse-stack", "demo", "--restart", shlex.join(stack.command("process", "restart"))],
        cwd=stack.folder,
        env=stack.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stderr == ""
    steps = map(STEP.fullmatch, demo.stdout.splitlines())
    return [(step[1], step[2], step[3]) for step in steps if step]


def test_the_demo_runs_to_its_end_twice(platform: Platform) -> None:
    first = tell(platform)
    wait_until("the stack to be ready", lambda: all(map(platform.stack.ready, SERVICES)))
    second = tell(platform)

    assert {who for who, _, _ in first} == ACTORS
    for part in (
        "registers",
        "approves",
        "searches",
        "adopts",
        "adds a task through the proxy",
        "cannot delete a task",
        "pauses",
        "is refused from then on",
        "reads the audit",
        "restarts postgres",
        "signs in",
    ):
        assert any(what.startswith(part) for _, what, _ in first), part
    assert [(who, status) for who, _, status in second] == [
        (who, status) for who, _, status in first
    ]
