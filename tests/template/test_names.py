"""Platforms with difficult names work, and bad values are refused. ci/run has these tests, because they are short."""

from pathlib import Path

import pytest

from .platforms import Repository, checked, copy, create, started

# A busy machine needs minutes to install a platform.
pytestmark = pytest.mark.timeout(1400)


@pytest.mark.parametrize(
    ("display", "package"),
    # codespell takes the second name for a misspelt word, so no text here may have it whole.
    [("The Big Blue Zoo 2", "thebigbluezoo2"), ("Logging"[:-1], "logging"[:-1])],
    ids=["capitals and spaces", "one letter off a module of Python"],
)
def test_a_difficult_name_passes_make_check_and_starts(
    repository: Repository, tmp_path: Path, display: str, package: str
) -> None:
    platform = create(repository, tmp_path / "a folder é", {"display_name": display})
    assert (platform.folder / f"kit/{package}_kit").is_dir()
    checked(platform)
    started(platform)


def test_a_bad_answer_is_one_line_and_writes_nothing(
    repository: Repository, tmp_path: Path
) -> None:
    said = copy(repository, tmp_path / "new", {"display_name": "Logging"}, status=1)
    assert said.startswith(
        "logging cannot be the package name: it is a module of Python. Use another name. copier: "
    )
    assert said.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_an_occupied_folder_is_refused(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    said = copy(repository, tmp_path / "mine", {"display_name": "Zebra"}, status=1)
    assert said.startswith(f"{tmp_path / 'mine'} is not empty: use a new folder.")
    assert said.count("\n") == 1
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
