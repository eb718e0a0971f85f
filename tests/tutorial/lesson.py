"""The steps of a tutorial, read from its Markdown.

| in the page | step |
| --- | --- |
| a block `console` | each line `$ COMMAND` is typed; the lines below it are its output, if any are shown |
| in such a block, a line `^C` | Ctrl-C ends the command that still runs |
| a block after "Create `PATH`:" | the file is written |
| a block `diff` after "Change `PATH`:" | the removed lines are replaced by the added ones; `@@` divides parts |

In an output, a line `...` stands for any lines, and `…` for any characters. Any other block is an error.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
_FILE = re.compile(r"(?P<verb>Create|Change) `(?P<path>[^`]+)`:\s*\Z")


class LessonError(Exception):
    """A block of the page is no step, or a step did not do what the page says."""


@dataclass(frozen=True)
class Step:
    """Something that the reader does."""

    section: str
    line: int

    @property
    def name(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class Command(Step):
    """A command that is typed, and the output that the page shows; `^C` is Ctrl-C."""

    text: str
    output: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.text


@dataclass(frozen=True)
class Create(Step):
    path: Path
    text: str

    @property
    def name(self) -> str:
        return f"create {self.path}"

    def apply(self, folder: Path) -> None:
        """Write the file. Raises `LessonError` if it exists."""
        path = folder / self.path
        if path.exists():
            raise LessonError(f"{self.path} exists already")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text, encoding="utf-8")


@dataclass(frozen=True)
class Change(Step):
    path: Path
    parts: tuple[tuple[str, str], ...]
    """Lines of the file, and the lines that replace them."""

    @property
    def name(self) -> str:
        return f"change {self.path}"

    def apply(self, folder: Path) -> None:
        """Replace the lines. Raises `LessonError` unless the file has each part exactly once."""
        path = folder / self.path
        text = "\n" + path.read_text(encoding="utf-8")
        for before, after in self.parts:
            found = text.count(f"\n{before}")
            if found != 1:
                raise LessonError(f"{self.path} has these lines {found} times:\n{before}")
            text = text.replace(f"\n{before}", f"\n{after}")
        path.write_text(text[1:], encoding="utf-8")


def read_steps(page: str) -> Iterator[Step]:
    """Yield the steps of a page in their order. Raises `LessonError` for a block that is none."""
    for block in _FENCE.finditer(page):
        before = page[: block.start()]
        line = before.count("\n") + 1
        section = (_HEADING.findall(before) or [""])[-1]
        file = _FILE.search(before)
        language, text = block["language"], block["text"]
        if language == "console":
            yield from _commands(section, line, text)
        elif file and file["verb"] == "Change" and language == "diff":
            parts = tuple(_sides(part, line) for part in text.split("@@\n"))
            yield Change(section, line, Path(file["path"]), parts)
        elif file and file["verb"] == "Create":
            yield Create(section, line, Path(file["path"]), text)
        else:
            raise LessonError(f"line {line}: the block is no step: name its file before it")


def _commands(section: str, line: int, text: str) -> Iterator[Command]:
    found: list[Command] = []
    output: list[str] = []
    for number, shown in reversed(list(enumerate(text.splitlines(), line + 1))):
        if shown.startswith("$ ") or shown == "^C":
            typed = shown.removeprefix("$ ")
            found.append(Command(section, number, typed, tuple(reversed(output))))
            output = []
        else:
            output.append(shown)
    if output:
        raise LessonError(f"line {line}: the block begins with an output, not with a command")
    return reversed(found)


def _sides(diff: str, line: int) -> tuple[str, str]:
    before, after = "", ""
    for shown in diff.splitlines(keepends=True):
        sign, rest = shown[0], shown[1:] or "\n"
        if sign not in " +-\n":
            raise LessonError(f"line {line}: a line of the diff begins with neither ' ', + nor -")
        before += rest if sign != "+" else ""
        after += rest if sign != "-" else ""
    return before, after


def line_pattern(line: str) -> str:
    """Return the regular expression of a line of output. Columns may be wider than the page shows them."""
    parts = (re.escape(part).replace("…", ".*") for part in line.split(" ") if part)
    return " *" + " +".join(parts) + " *"


def check_output(shown: tuple[str, ...], printed: str) -> None:
    """Raise `LessonError` unless what was printed is what the page shows. Nothing shown matches anything."""
    if not shown:
        return
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else f"{line_pattern(line)}\n" for line in shown
    )
    if not re.fullmatch(pattern, f"{printed.rstrip()}\n"):
        expected = "\n".join(shown)
        raise LessonError(f"The page shows:\n{expected}\n\nThe command printed:\n{printed}")
