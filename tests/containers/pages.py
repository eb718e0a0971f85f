"""The commands of the pages in docs/how-to, as a person types them."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .engine import ROOT


@dataclass(frozen=True)
class Section:
    """A section of a page that has commands."""

    page: str
    title: str
    commands: tuple[str, ...]


def sections(page: str) -> list[Section]:
    text = (ROOT / f"docs/how-to/{page}.md").read_text()
    found = []
    for part in re.split(r"^##+ ", text, flags=re.MULTILINE)[1:]:
        blocks = re.findall(r"^```console\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
        commands = tuple(
            command.strip()
            for block in blocks
            for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
        )
        if commands:
            found.append(Section(page, part.partition("\n")[0], commands))
    return found


def commands(page: str, title: str, having: str = "") -> tuple[str, ...]:
    """Return the commands of a section, those that contain `having`. A section without any fails the test."""
    found = [
        each for section in sections(page) if section.title == title for each in section.commands
    ]
    wanted = tuple(each for each in found if having in each)
    assert wanted, f"docs/how-to/{page}.md, section {title}, has no such command: {having}"
    return wanted


def script(commands: Iterable[str], here: Mapping[str, str]) -> str:
    """Return the commands for a shell of this machine. `here` replaces texts that mean another machine.

    Today's date is always the same one. Root needs no `sudo`, and bare machines do not have it.
    """
    typed = "\n".join(commands)
    replaced = {"$(date +%F)": "2026-01-31", **({"sudo ": ""} if os.geteuid() == 0 else {}), **here}
    for found, instead in replaced.items():
        typed = typed.replace(found, instead)
    return typed
