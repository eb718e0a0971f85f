"""The tutorial works as typed, from a clone to the service's removal. Its own Markdown is what runs here.

Asked for by name: it takes minutes. PORT_OFFSET moves the ports of its stack.
"""

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from .lesson import Change, Command, Create, Step, read_steps
from .terminal import Terminal

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/tutorial/README.md"
ADDRESS = "https://github.com/cat-house/cat-house"
STEPS = list(read_steps(PAGE.read_text(encoding="utf-8")))


class Reader:
    """Does one step after the other, and stops at the first that fails."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._failed: Step | None = None
        self.seconds: dict[str, float] = defaultdict(float)

    def do(self, step: Step) -> None:
        if self._failed:
            pytest.fail(f"line {self._failed.line} failed before: {self._failed.name}")
        self._failed = step
        began = time.monotonic()
        match step:
            case Command():
                self._terminal.type(step)
                self.seconds[step.section] += time.monotonic() - began
            case Create() | Change():
                step.apply(self._terminal.folder)
        self._failed = None


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    # The clone is of this checkout, and commits need an author.
    configured = {
        f"url.{ROOT}/.insteadOf": ADDRESS,
        "user.name": "Reader",
        "user.email": "reader@example.com",
    }
    git = {"GIT_CONFIG_COUNT": str(len(configured))}
    for number, (key, value) in enumerate(configured.items()):
        git |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    offset = os.environ.get("PORT_OFFSET", "400")
    environment = {**os.environ, **git, "PORT_OFFSET": offset}
    terminal = Terminal(tmp_path_factory.mktemp("tutorial"), environment, int(offset))
    reader = Reader(terminal)
    try:
        yield reader
    finally:
        terminal.close()
        for section, seconds in reader.seconds.items():
            print(f"\ntutorial: {section}: {seconds:.1f} s", end="")
        print(f"\ntutorial: all commands: {sum(reader.seconds.values()):.1f} s")


@pytest.mark.parametrize("step", STEPS, ids=[f"{step.line}: {step.name}" for step in STEPS])
def test_each_step_does_what_the_page_says(reader: Reader, step: Step) -> None:
    reader.do(step)
