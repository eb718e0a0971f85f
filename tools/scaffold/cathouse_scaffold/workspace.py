"""A copy of the repository to work in, whose changes are taken over all together or not at all."""

import fcntl
import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from cathouse_scaffold.errors import ScaffoldError
from cathouse_scaffold.programs import output

STATE = Path(".state/scaffold")
_LISTED = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")


@dataclass(frozen=True)
class Workspace:
    """A copy of the repository `origin` in `root`; nothing outside of it changes before `take_over`."""

    origin: Path
    root: Path
    _before: dict[Path, bytes]

    def changes(self) -> dict[Path, bytes | None]:
        """What files hold in the copy that hold something else in the repository; None for one that is gone."""
        after = _contents(self.root)
        changed = {p: content for p, content in after.items() if self._before.get(p) != content}
        return changed | dict.fromkeys(self._before.keys() - after.keys())

    def take_over(self) -> list[Path]:
        """Makes the changes in the repository, and returns the changed files.

        Signals wait until it is done. Where it fails, all is as it was; after SIGKILL or a power failure, it is so with
        the next `take_back`. Raises `ScaffoldError` where one of these files has changed in the repository meanwhile.
        """
        changes = self.changes()
        for path in changes:
            now = self.origin / path
            if (now.read_bytes() if now.exists() else None) != self._before.get(path):
                raise ScaffoldError(f"{path} was changed meanwhile: nothing was done; try again")
        journal = _Journal(self.origin)
        journal.begin(self._before, list(changes))
        with _uninterrupted():
            try:
                for path, content in changes.items():
                    target = self.origin / path
                    if content is None:
                        target.unlink()
                    else:
                        target.parent.mkdir(parents=True, exist_ok=True)
                        shutil.move(self.root / path, target)
                journal.end()
            except BaseException:
                journal.take_back()
                raise
            for path in changes:
                _remove_if_empty(self.origin, path.parent)
        return sorted(changes)


@contextmanager
def workspace(origin: Path) -> Iterator[Workspace]:
    """A workspace; first, `take_back`. It has the files that git knows or would add.

    Raises `ScaffoldError` while another one is open, and where there is no git.
    """
    with _alone(origin):
        root = origin / STATE / "copy"
        listed = output(_LISTED, origin)
        if listed is None:
            raise ScaffoldError("this needs git, and a clone of the repository that is yours")
        for path in filter(None, listed.split("\0")):
            if (origin / path).is_file():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(origin / path, root / path, follow_symlinks=False)
        yield Workspace(origin, root, _contents(root))


def take_back(origin: Path) -> None:
    """Undoes what a run left half done that was killed. Raises `ScaffoldError` while a workspace is open."""
    if (origin / STATE).exists():
        with _alone(origin):
            pass


@contextmanager
def _alone(origin: Path) -> Iterator[None]:
    state = origin / STATE
    state.parent.mkdir(exist_ok=True)
    lock = os.open(state.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise ScaffoldError(
            "another `make service` or `make service-remove` is at work here"
        ) from None
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _uninterrupted():
            _Journal(origin).take_back()
        shutil.rmtree(state, ignore_errors=True)
        yield
    finally:
        if not _Journal(origin).is_open:
            shutil.rmtree(state, ignore_errors=True)
        signal.signal(signal.SIGTERM, before)
        os.close(lock)


def files(folder: Path) -> Iterator[Path]:
    """The files in a folder, but for what Python and its tools cache."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        cached = any(part.endswith(("__pycache__", "_cache", ".egg-info")) for part in parts)
        if path.is_file() and not cached:
            yield path


class _Journal:
    """What files held, for as long as only some of them hold something new."""

    def __init__(self, origin: Path) -> None:
        self._origin = origin
        self._old = origin / STATE / "old"
        self._list = origin / STATE / "journal.json"

    def begin(self, before: dict[Path, bytes], paths: list[Path]) -> None:
        for path in paths:
            if path in before:
                kept = self._old / path
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self._origin / path, kept)
        draft = self._list.with_suffix(".draft")
        draft.write_text(json.dumps([str(path) for path in paths]))
        os.sync()
        draft.replace(self._list)

    def end(self) -> None:
        self._list.unlink()

    @property
    def is_open(self) -> bool:
        return self._list.exists()

    def take_back(self) -> None:
        if not self.is_open:
            return
        for path in map(Path, json.loads(self._list.read_text())):
            kept = self._old / path
            if kept.exists():
                (self._origin / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(kept, self._origin / path)
            else:
                (self._origin / path).unlink(missing_ok=True)
                _remove_if_empty(self._origin, path.parent)
        self.end()


def _contents(root: Path) -> dict[Path, bytes]:
    return {path.relative_to(root): path.read_bytes() for path in files(root)}


def _remove_if_empty(origin: Path, folder: Path) -> None:
    """The folder and those above it, as far as they hold nothing but what Python caches."""
    while folder != Path():
        here = origin / folder
        if here.exists():
            if any(path.name != "__pycache__" for path in here.iterdir()):
                return
            shutil.rmtree(here)
        folder = folder.parent


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Lets signals wait. A mask would not: another thread may take them."""
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise KeyboardInterrupt


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
