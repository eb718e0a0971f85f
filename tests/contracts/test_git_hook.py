"""The git hook that `make hook` installs runs `.pre-commit-config.yaml`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MISSPELT = "recieve"  # codespell:ignore


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a repository with the hook. Its `make check` prints that it ran."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(
        "PATH", os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    )
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in (".pre-commit-config.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    (folder / "Makefile").write_text("check:\n\t@echo every file is checked\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Begin")
    subprocess.run(["pre-commit", "install"], cwd=folder, check=True)
    return folder


def git(folder: Path, *arguments: str, status: int = 0) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == status, done.stdout
    return done.stdout


def test_a_commit_formats_staged_files_and_is_refused_until_they_are_added(clone: Path) -> None:
    (clone / "cat.py").write_text("import os\nname = 'Tom'\n")
    git(clone, "add", "cat.py")
    git(clone, "commit", "--message", "Add a cat", status=1)
    assert (clone / "cat.py").read_text() == 'name = "Tom"\n'
    git(clone, "add", "cat.py")
    git(clone, "commit", "--message", "Add a cat")


def test_unstaged_changes_are_kept_and_not_checked(clone: Path) -> None:
    (clone / "cat.py").write_text('name = "Tom"\n')
    git(clone, "add", "cat.py")
    (clone / "cat.py").write_text(f"name  =  'Tom'; {MISSPELT}(name)\n")
    git(clone, "commit", "--message", "Add a cat")
    assert (clone / "cat.py").read_text() == f"name  =  'Tom'; {MISSPELT}(name)\n"


def test_a_misspelt_word_is_refused_with_its_line(clone: Path) -> None:
    (clone / "cat.md").write_text(f"A cat.\n\nIt will {MISSPELT} calls.\n")
    git(clone, "add", "cat.md")
    output = git(clone, "commit", "--message", "Describe a cat", status=1)
    assert f"cat.md:3: {MISSPELT} ==> receive" in output


def test_make_check_decides_about_all_files(clone: Path) -> None:
    (clone / "Makefile").write_text("check:\n\t@echo a type is wrong; exit 1\n")
    git(clone, "add", "Makefile")
    assert "a type is wrong" in git(clone, "commit", "--message", "Break a type", status=1)


def test_the_hook_formats_and_lints_with_the_programs_of_make_check() -> None:
    _, _, recipe = (ROOT / "Makefile").read_text().partition("\ncheck:")
    recipe = recipe.partition("\n\n")[0]
    config = (ROOT / ".pre-commit-config.yaml").read_text()
    for program in ("ruff format", "ruff check", "codespell"):
        assert f"\t{program} " in recipe
        assert f"exec {program} " in config
