"""The files of a command that writes into the working tree. git can restore them when the command fails."""

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
    """Raise `ScaffoldError` when one of these files has a change that is not committed, or without git.

    `after` has the texts that the command will write, as far as they are known. A file may differ from its commit when
    the command restores the committed text. A service that was never committed can therefore be removed.
    """
    if output(("git", "rev-parse", "--verify", "HEAD"), root) is None:
        raise ScaffoldError(
            "this command changes files, so it needs git and a commit to return to: run it in a git clone"
        )
    dirty = sorted(
        str(path)
        for path in (*_modified(root, paths), *_untracked(root, paths))
        if path not in after or after[path] != _committed(root, path)
    )
    if dirty:
        more = f" and {len(dirty) - 3} more" if len(dirty) > 3 else ""
        raise ScaffoldError(
            f"this command would change files that are not committed: {', '.join(dirty[:3])}{more}."
            " Commit or stash them first"
        )


def committed_files(root: Path) -> set[Path]:
    """Return the files that are the same as in the last commit."""
    return set(_listed(root, "ls-files", paths=())) - set(_modified(root, ()))


@contextmanager
def undoable(root: Path, paths: Collection[Path]) -> Iterator[None]:
    """Add a note to any exception, also to Ctrl-C, with the command that undoes all changes of these paths."""
    try:
        yield
    except BaseException as error:
        if command := _undo(root, paths):
            error.add_note(
                f"The command stopped before its end. Undo its changes with this command:\n  {command}"
            )
        raise


def _undo(root: Path, paths: Collection[Path]) -> str:
    modified = _modified(root, paths)
    commands = (
        # git restore fails for a path that git does not know.
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


def _listed(root: Path, *command: str, paths: Iterable[Path]) -> list[Path]:
    names = run(["git", *command, "-z", "--", *map(str, paths)], root)
    return [Path(name) for name in names.split("\0") if name]


def _committed(root: Path, path: Path) -> str | None:
    return output(["git", "show", f"HEAD:./{path}"], root)
