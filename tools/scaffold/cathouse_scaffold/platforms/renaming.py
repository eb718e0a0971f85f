"""Rename a platform in the contents and paths of its files."""

import re
from collections.abc import Callable
from pathlib import Path

from cathouse_scaffold.platforms.choices import CURRENT_PORTS, CURRENT_REGISTRY, Choices
from cathouse_scaffold.platforms.names import CURRENT, PlatformName

# Lists of data, programs of others, and versions: numbers in them are no ports.
_WITHOUT_PORTS = re.compile(r"/data/|/vendored/|/swagger_ui/|^requirements/|\.lock$")
_LINE_LENGTH = re.compile(r"^max-line-length = (\d+)$", re.MULTILINE)
_IGNORED = re.compile(r"^ignore = \[\n", re.MULTILINE)
_SPELLING = re.compile(r'^ignore-words-list = "', re.MULTILINE)


def renamer(old: PlatformName, new: PlatformName) -> Callable[[str], str]:
    """Return a function that replaces every spelling of one name by the same spelling of another."""
    spellings: dict[str, str] = {}
    for before, after in zip(old.spellings(), new.spellings(), strict=True):
        spellings.setdefault(before, after)
    # Longer spellings come first, because some contain others.
    longest_first = sorted(spellings, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    return lambda text: pattern.sub(lambda found: spellings[found[0]], text)


def port_mover(old: int, new: int) -> Callable[[str], str]:
    """Return a function that moves every port of the platform to another base.

    The base itself, 8000, is also a usual size in bytes. It counts as a port only behind an address or a variable.
    """
    base = str(old)
    others = rf"(?<![\w.]){base[:-2]}(?:0[1-9]|1\d)(?!\w)"
    before = (
        "://:",
        "PORT:-",
        'PORT": ',
        "127.0.0.1:",
        "localhost:",
        'gateway": ',
        "default=",
        "default: ",
        "ports: ",
        "PORTS = ",
    )
    behind = "|".join(f"(?<={re.escape(text)})" for text in before)
    first = rf"(?:{behind}){base}(?!\w)"
    pattern = re.compile(f"{others}|{first}")
    return lambda text: pattern.sub(lambda found: str(int(found[0]) - old + new), text)


def rename_files(root: Path, paths: list[Path], choices: Choices) -> list[Path]:
    """Rename the platform in these files, and return their new paths. Binary files keep their content."""
    name = renamer(CURRENT, choices.name)
    port = port_mover(CURRENT_PORTS, choices.ports)
    renamed = []
    for path in paths:
        target = Path(name(path.as_posix()))
        if not (root / path).is_symlink():
            _rename_content(
                root / path, name, None if _WITHOUT_PORTS.search(path.as_posix()) else port, choices
            )
        if target != path:
            (root / target).parent.mkdir(parents=True, exist_ok=True)
            (root / path).rename(root / target)
            _remove_empty(root, path.parent)
        renamed.append(target)
    return renamed


def _rename_content(
    file: Path, name: Callable[[str], str], port: Callable[[str], str] | None, choices: Choices
) -> None:
    content = file.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return
    # The registry contains the name, so it comes first. Its parts stay as they are typed.
    parts = [name(port(part) if port else part) for part in text.split(CURRENT_REGISTRY)]
    after = choices.registry.join(parts).encode()
    if after != content:
        file.write_bytes(after)


def _remove_empty(root: Path, folder: Path) -> None:
    while folder != Path() and not any((root / folder).iterdir()):
        (root / folder).rmdir()
        folder = folder.parent


def let_checks_pass(root: Path, paths: list[Path], name: PlatformName) -> None:
    """Adapt the settings of two checks to the name: of codespell, and of ruff if the name is longer than its origin.

    ruff formats code to its own limit, but does not break comments and docstrings.
    """
    project = root / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    words = ",".join(sorted({name.package, *name.display.lower().split()}))
    text = _SPELLING.sub(rf"\g<0>{words},", text)
    limit = int(_LINE_LENGTH.findall(text)[0])
    if any(len(line) > limit for path in paths for line in _lines_of_comments(root / path)):
        text = _IGNORED.sub(
            r'\g<0>    "E501", # the name is longer than that of the origin\n', text, count=1
        )
    project.write_text(text, encoding="utf-8")


def _lines_of_comments(file: Path) -> list[str]:
    if file.suffix != ".py":
        return []
    return [line for line in file.read_text(encoding="utf-8").splitlines() if "noqa" not in line]
