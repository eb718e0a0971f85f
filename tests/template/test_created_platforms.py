"""Platforms of other names, made by `copier copy`, work: whole ones, and ones without the marketplace."""

import re
from pathlib import Path

import pytest

from .platforms import OFFSET, Platform, Repository, copy, create

# Tests of the parts that know the platform's names best. All tests of a platform would take its `make test`.
BOUNDED = (
    "tests/contracts",
    "services/auth",
    "tools/openapi",
    "tools/scaffold/tests/test_platforms.py",
    "tools/scaffold/tests/test_rendered_files.py",
)


def checked(platform: Platform) -> None:
    """The name of the origin is in one line, and `make check` finds nothing that it would change."""
    (origin,) = platform.mentions_of_the_origin()
    assert origin.startswith(".copier-answers.yml:_src_path: ")
    platform.make("check")
    assert platform.git("status", "--porcelain") == ""


def started(platform: Platform) -> None:
    """All services become ready, and the demonstration runs through what is there."""
    with platform.up() as seconds:
        print(f"{platform.display}: make up took {seconds:.0f} s")
        assert "The demo is complete" in platform.make("demo", f"PORT_OFFSET={OFFSET}")


def test_a_whole_platform_of_another_name_passes_its_checks_and_tests(
    repository: Repository, tmp_path: Path
) -> None:
    answers = {
        "display_name": "Zebra", "ports": "9000", "description": "Stripes for everybody",
        "registry": "images.example.com/zoo", "licence_holder": "Zebra Ltd",
    }  # fmt: skip
    platform = create(repository, tmp_path / "zebra", answers)
    checked(platform)
    assert re.search(
        r"^# Zebra\n\nStripes for everybody\.\n", (platform.folder / "README.md").read_text()
    )
    assert "Copyright Zebra Ltd\n" in (platform.folder / "NOTICE").read_text()
    assert "port = 9005\n" in (platform.folder / "services.toml").read_text()
    assert "images.example.com/zoo/zebra-auth" in platform.git("grep", "newName:", "deploy")
    started(platform)
    platform.pytest(*BOUNDED)


def test_a_skeleton_passes_its_checks_and_tests(repository: Repository, tmp_path: Path) -> None:
    answers = {"display_name": "Acme Tools", "services": "skeleton"}
    platform = create(repository, tmp_path / "acme", answers)
    checked(platform)
    assert {path.name for path in (platform.folder / "services").iterdir()} == {"auth", "bookmarks"}
    started(platform)
    platform.pytest(*BOUNDED, "tools/stack", "tools/migrate", "tools/deployment")


@pytest.mark.parametrize(
    ("display", "package"),
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
        "logging cannot be the package name: it is a module of Python. Use another name\n"
    )
    assert not (tmp_path / "new").exists()


def test_an_occupied_folder_is_refused(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    said = copy(repository, tmp_path / "mine", {"display_name": "Zebra"}, status=1)
    assert said.startswith(f"{tmp_path / 'mine'} is not empty: use a new folder.")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_renamed_clone_passes_make_check(repository: Repository, tmp_path: Path) -> None:
    repository.git("clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = Platform(tmp_path / "clone", "Acme Tools")
    said = clone.make("rename", "NAME=Acme Tools", "PORT=9000")
    assert "The platform is Acme Tools now." in said
    clone.commit()
    assert clone.git("grep", "-ic", "cathouse", status=1) == ""
    assert (clone.folder / "services/auth/acmetools_auth").is_dir()
    clone.make("check")
    assert clone.git("status", "--porcelain") == ""
