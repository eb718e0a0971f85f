"""Changes are taken over all together or not at all, whatever ends the one who makes them."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from cathouse_scaffold.errors import ScaffoldError
from cathouse_scaffold.workspace import STATE, Workspace, take_back, workspace

Tree = dict[str, str]
BEFORE: Tree = {
    "ignored.txt": "ignored",
    "changed.txt": "old",
    "gone/deep/gone.txt": "old",
    "same.txt": "same",
}
AFTER: Tree = {
    "ignored.txt": "ignored",
    "changed.txt": "new",
    "made/deep/made.txt": "new",
    "same.txt": "same",
}


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    for name, text in BEFORE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / ".gitignore").write_text(".state/\nignored.txt\n")
    (tmp_path / "ignored.txt").write_text("ignored")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def tree(root: Path) -> Tree:
    found = (
        path
        for path in root.rglob("*")
        if path.is_file() and path.suffix == ".txt" and ".state" not in path.parts
    )
    return {str(path.relative_to(root)): path.read_text() for path in found}


def change(work: Workspace) -> None:
    (work.root / "changed.txt").write_text("new")
    (work.root / "gone/deep/gone.txt").unlink()
    (work.root / "made/deep").mkdir(parents=True)
    (work.root / "made/deep/made.txt").write_text("new")


def test_nothing_changes_before_it_is_taken_over(origin: Path) -> None:
    with workspace(origin) as work:
        change(work)
        assert tree(origin) == BEFORE
        assert [str(path) for path in work.take_over()] == [
            "changed.txt",
            "gone/deep/gone.txt",
            "made/deep/made.txt",
        ]
    assert tree(origin) == AFTER
    assert not (origin / "gone").exists()
    assert not (origin / STATE).exists()


def test_a_workspace_that_is_left_leaves_nothing(origin: Path) -> None:
    def interrupted() -> None:
        with workspace(origin) as work:
            change(work)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert tree(origin) == BEFORE
    assert not (origin / STATE).exists()


def test_what_was_changed_meanwhile_is_not_overwritten(origin: Path) -> None:
    with workspace(origin) as work:
        change(work)
        (origin / "changed.txt").write_text("somebody else's")
        with pytest.raises(ScaffoldError, match=r"changed\.txt was changed meanwhile"):
            work.take_over()
    assert tree(origin) == BEFORE | {"changed.txt": "somebody else's"}


@pytest.mark.parametrize("step", [0, 1])
def test_a_failure_midway_leaves_all_as_it_was(
    origin: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    steps = iter(range(9))

    def failing(source: Path, target: Path) -> None:
        if next(steps) == step:
            raise OSError("No space left on device")
        source.rename(target)

    with workspace(origin) as work:
        change(work)
        monkeypatch.setattr(shutil, "move", failing)
        with pytest.raises(OSError, match="No space left"):
            work.take_over()
    assert tree(origin) == BEFORE
    assert not (origin / "made").exists()


def test_what_was_killed_midway_is_taken_back_by_the_next(origin: Path) -> None:
    # All is in place, and only the journal is not closed: the worst moment.
    killed = textwrap.dedent(
        f"""
        import os, signal, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from cathouse_scaffold import workspace as module
        from test_workspace import change
        module._Journal.end = lambda self: os.kill(os.getpid(), signal.SIGKILL)
        with module.workspace(Path({str(origin)!r})) as work:
            change(work)
            work.take_over()
        """
    )
    result = subprocess.run([sys.executable, "-c", killed], check=False)
    assert result.returncode == -signal.SIGKILL
    assert tree(origin) == AFTER
    take_back(origin)
    assert tree(origin) == BEFORE
    assert not (origin / STATE).exists()


def test_two_at_once_are_refused(origin: Path) -> None:
    with workspace(origin), pytest.raises(ScaffoldError, match="is at work here"):
        take_back(origin)
    assert os.listdir(origin / ".state") == ["scaffold.lock"]


def test_a_folder_that_is_no_clone_is_refused(origin: Path) -> None:
    shutil.rmtree(origin / ".git")

    def work() -> None:
        with workspace(origin):
            pass

    with pytest.raises(ScaffoldError, match="needs git"):
        work()


def test_a_signal_waits_until_all_is_taken_over(
    origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def signalled(source: Path, target: Path) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        source.rename(target)

    def work() -> None:
        with workspace(origin) as work:
            change(work)
            monkeypatch.setattr(shutil, "move", signalled)
            work.take_over()

    with pytest.raises(KeyboardInterrupt):
        work()
    assert tree(origin) == AFTER
    assert not (origin / STATE).exists()
