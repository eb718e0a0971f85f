"""The files of a command that writes in place: git has them before, and gives them back where the command fails."""

import shlex
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cathouse_scaffold.errors import ScaffoldError
from cathouse_scaffold.programs import output, run
from cathouse_scaffold.rendering import Texts

RESTORE = ("git", "restore", "--staged", "--worktree")
CLEAN = ("git", "clean", "-fd")


def files(folder: Path) -> Iterator[Path]:
    """Iterate over the files in a folder, without the caches of Python and its tools."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        cached = any(part.endswith(("__pycache__", "_cache", ".egg-info")) for part in parts)
        if path.is_file() and not cached:
            yield path


def require_clean(root: Path, paths: Collection[Path], after: Texts) -> None:
    """Raise `ScaffoldError` where one of these files has a change that is not committed, or where there is no git.

    `after` holds the texts that are known before the command writes them. A file may differ from its commit where the
    command brings it back to it: so a service that was never committed can be removed.
    """
    if output(("git", "rev-parse", "--verify", "HEAD"), root) is None:
        raise ScaffoldError(
            "this command writes in place, so it needs git and a commit to return to: run it in a clone that is yours"
        )
    dirty = sorted(
        str(path)
        for path in (*_modified(root, paths), *_untracked(root, paths))
        if path not in after or after[path] != _committed(root, path)
    )
    if dirty:
        more = f" and {len(dirty) - 3} more" if len(dirty) > 3 else ""
        raise ScaffoldError(
            f"not committed, and this command would write there: {', '.join(dirty[:3])}{more}; commit or stash it first"
        )


def committed_files(root: Path) -> set[Path]:
    """Return the files that hold what the last commit has."""
    return set(_listed(root, "ls-files", paths=())) - set(_modified(root, ()))


@contextmanager
def undoable(root: Path, paths: Collection[Path]) -> Iterator[None]:
    """Add to an exception, Ctrl-C included, a note with the command that takes back all changes of these paths."""
    try:
        yield
    except BaseException as error:
        if command := _undo(root, paths):
            error.add_note(f"Only a part was written. Undo it with this command:\n  {command}")
        raise


def _undo(root: Path, paths: Collection[Path]) -> str:
    modified = _modified(root, paths)
    commands = (
        # git refuses to restore a path that it does not know.
        (RESTORE, [path for path in paths if any(m.is_relative_to(path) for m in modified)]),
        (CLEAN, _untracked(root, paths, "--directory")),
    )
    return " && ".join(
        shlex.join([*command, "--", *map(str, found)]) for command, found in commands if found
    )


def _modified(root: Path, paths: Iterable[Path]) -> list[Path]:
    return _listed(root, "diff", "HEAD", "--name-only", "--relative", paths=paths)


def _untracked(root: Path, paths: Iterable[Path], *options: str) -> list[Path]:
    return _listed(root, "ls-files", "--others", "--exclude-standard", *options, paths=paths)


def _listed(root: Path, *words: str, paths: Iterable[Path]) -> list[Path]:
    names = run(["git", *words, "-z", "--", *map(str, paths)], root)
    return [Path(name) for name in names.split("\0") if name]


def _committed(root: Path, path: Path) -> str | None:
    return output(["git", "show", f"HEAD:./{path}"], root)
