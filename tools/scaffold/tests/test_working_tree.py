"""Only committed files are changed, and a failure names the command that undoes the changes."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cathouse_scaffold.errors import ScaffoldError
from cathouse_scaffold.working_tree import committed_files, require_clean, undoable

A, B, NEW = Path("a file.txt"), Path("deep/é.txt"), Path("made/deep/new.txt")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in (A, B):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("old")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(root: Path, *words: str) -> str:
    me = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    result = subprocess.run(
        ["git", *me, *words], cwd=root, capture_output=True, text=True, check=True
    )
    return result.stdout


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=All")


def write(root: Path, path: Path) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("new")


def stage(root: Path, path: Path) -> None:
    write(root, path)
    git(root, "add", "--all")


def test_committed_and_missing_files_are_clean(root: Path) -> None:
    write(root, Path("other.txt"))
    require_clean(root, [A, B, NEW], {})
    assert committed_files(root) == {A, B}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda root: write(root, A), A),
        (lambda root: (root / B).unlink(), B),
        (lambda root: write(root, NEW), NEW),
        (lambda root: stage(root, A), A),
        (lambda root: stage(root, NEW), NEW),
    ],
    ids=["changed", "deleted", "untracked", "staged", "added"],
)
def test_a_file_that_is_not_committed_is_refused(
    root: Path, change: Callable[[Path], object], path: Path
) -> None:
    change(root)
    with pytest.raises(ScaffoldError) as refused:
        require_clean(root, [A, B, NEW], {A: "newer", NEW: "newer"})
    assert str(refused.value) == (
        f"this command would change files that are not committed: {path}. Commit or stash them first"
    )


def test_a_command_may_restore_a_file_to_its_commit(root: Path) -> None:
    write(root, A)
    write(root, NEW)
    require_clean(root, [A, B, NEW], {A: "old", NEW: None})


def test_a_folder_without_git_is_refused(root: Path) -> None:
    shutil.rmtree(root / ".git")
    with pytest.raises(ScaffoldError, match="needs git and a commit to return to"):
        require_clean(root, [A], {})
    git(root, "init", "--quiet")
    with pytest.raises(ScaffoldError, match="needs git and a commit to return to"):
        require_clean(root, [A], {})


def test_a_machine_without_git_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ScaffoldError, match="needs git"):
        require_clean(root, [A], {})


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("No space left on device")])
@pytest.mark.parametrize("staged", [False, True])
def test_the_command_in_the_note_of_a_failure_undoes_the_changes(
    root: Path, error: BaseException, staged: bool
) -> None:
    write(root, Path("other.txt"))

    def fail() -> None:
        with undoable(root, [A, B, NEW.parent]):
            write(root, A)
            (root / B).unlink()
            write(root, NEW)
            if staged:
                git(root, "add", str(A), str(B), str(NEW))
            raise error

    with pytest.raises(type(error)) as failed:
        fail()
    (note,) = failed.value.__notes__
    error.__notes__.clear()
    subprocess.run(note.splitlines()[1], shell=True, cwd=root, check=True)
    assert git(root, "status", "--porcelain") == "?? other.txt\n"
    assert (root / B).read_text() == "old"


def test_a_failure_that_wrote_nothing_has_no_note(root: Path) -> None:
    def fail() -> None:
        with undoable(root, [A, NEW]):
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space") as failed:
        fail()
    assert not hasattr(failed.value, "__notes__")
