"""Write a platform into a folder: for `copier copy`, and three times for `copier update`."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cathouse_scaffold.platforms import choices as made
from cathouse_scaffold.platforms.choices import Choices
from cathouse_scaffold.platforms.names import CURRENT, PlatformError, PlatformName, refused
from cathouse_scaffold.platforms.renaming import let_checks_pass, rename_files
from cathouse_scaffold.platforms.skeleton import EXAMPLE, reduce_to_skeleton
from cathouse_scaffold.platforms.texts import write_texts

QUESTIONS = "copier.yml"
HISTORY = (
    "CHANGELOG.md",
    "docs/openapi/CHANGELOG.md",
    "docs/openapi/breaking.toml",
    "docs/openapi/released",
)
"""The history of a platform's own releases. An update leaves it alone. copier.yml has the same list."""


def create_platform(source: Path, target: Path, given: Mapping[str, Any], *, update: bool) -> None:
    """Write the platform into the folder. Raises `PlatformError` before anything is written.

    `copier update` compares two platforms in new folders, and writes a third into the folder of the team.
    """
    questions = target / QUESTIONS
    occupied = any(path != questions for path in target.iterdir())
    try:
        choices = made.parse(given)
        _refuse_class(source, choices.name)
        if occupied and not update:
            raise PlatformError(
                f"{target} is not empty: use a new folder. In a platform, `make update` brings changes"
            )
    except PlatformError:
        # copier has written this file to create the folder.
        if not update and not (target / made.FILE).exists():
            questions.unlink()
        raise
    if not update:
        _fill(source, target, choices, given)
        return
    # The folder of the team has files of its own, which must not become part of the generated files. The two others
    # are compared, and must not have installed packages.
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _fill(source, folder, choices, given)
        for path in _tracked(folder):
            if not (path.as_posix().startswith(HISTORY) and (target / path).exists()):
                _copy(folder / path, target / path)


def rename_platform(root: Path, given: Mapping[str, Any]) -> None:
    """Rename the platform in its own folder. Raises `PlatformError` before anything is written."""
    choices = made.parse(given)
    if changed := _git(root, "status", "--porcelain").splitlines():
        raise PlatformError(
            f"{len(changed)} files have changes that are not committed, such as {changed[0][3:]}: commit or stash them"
        )
    _refuse_class(root, choices.name)
    _rename(root, _listed(root), choices)
    generate_files(root)


def _refuse_class(root: Path, name: PlatformName) -> None:
    """Raise `PlatformError` if the code has a class with a name that a class of the clients would get."""
    words = re.compile(
        rf"^(?:export )?(?:class|interface|type) (?:Async)?{name.class_name}(?:Error)?\b",
        re.MULTILINE,
    )
    for path in _listed(root):
        if path.suffix in (".py", ".ts") and words.search(
            (root / path).read_text(encoding="utf-8")
        ):
            raise refused(name, f"is the name of a class in {path}")


def _fill(source: Path, target: Path, choices: Choices, given: Mapping[str, Any]) -> None:
    paths = [path for path in _listed(source) if path != Path(made.FILE)]
    for path in paths:
        _copy(source / path, target / path)
    _rename(target, paths, choices)
    (target / made.FILE).write_text(made.written(given), encoding="utf-8")
    if choices.skeleton and not (target / "services" / EXAMPLE).exists():
        _create_example(target)
    generate_files(target)


def _rename(root: Path, paths: list[Path], choices: Choices) -> None:
    if choices.skeleton:
        paths = reduce_to_skeleton(root, paths)
    write_texts(root, choices)
    let_checks_pass(root, rename_files(root, paths, choices), choices.name)


def _create_example(root: Path) -> None:
    """Create the example service of a skeleton. `make service` needs a commit to return to."""
    _make(root, "openapi", "render")
    _git(root, "init", "--quiet")
    _git(root, "add", "--all")
    me = ("-c", "user.name=-", "-c", "user.email=-", "-c", "commit.gpgSign=false")
    _git(root, *me, "commit", "--quiet", "--message=-")
    _make(root, "service", f"NAME={EXAMPLE}")
    shutil.rmtree(root / ".git")


def generate_files(root: Path) -> None:
    """Install the packages, then format the code and render the files that depend on names and services."""
    _make(root, "install")
    _make(root, *generating_targets(root))


def generating_targets(root: Path) -> list[str]:
    """Return the targets of this Makefile that write generated files, in the order in which they run."""
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    return [target for target in ("openapi", "clients", "fix") if f"\n{target}:" in makefile]


def _make(root: Path, *words: str) -> None:
    # Variables of this repository's shell, such as its make's and its Python's, belong to this repository.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(
            (f"{CURRENT.package.upper()}_", "MAKE", "MFLAGS", "VIRTUAL_ENV", "PYTHON")
        )
    }
    result = subprocess.run(  # noqa: S603
        ["make", "--no-print-directory", *words],  # noqa: S607
        cwd=root, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if result.returncode:
        raise PlatformError(
            f"make {' '.join(words)} failed in {root}:\n{result.stdout}{result.stderr}".rstrip()
        )


def _tracked(folder: Path) -> list[Path]:
    _git(folder, "init", "--quiet")
    return _listed(folder, "--others", "--exclude-standard")


def _listed(folder: Path, *options: str) -> list[Path]:
    return [Path(name) for name in _git(folder, "ls-files", "-z", *options).split("\0") if name]


def _git(folder: Path, *words: str) -> str:
    result = subprocess.run(  # noqa: S603
        ["git", *words], cwd=folder, capture_output=True, text=True, check=False  # noqa: S607
    )  # fmt: skip
    if result.returncode:
        raise PlatformError(f"git {words[0]} failed in {folder}: {result.stderr.strip()}")
    return result.stdout


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)
