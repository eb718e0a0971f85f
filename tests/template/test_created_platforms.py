"""Platforms of other names, made by `copier copy`, work: whole ones, and ones without the marketplace."""

import re
from pathlib import Path

import pytest

from .platforms import Platform, Repository, checked, create, run, started

# A busy machine needs minutes to install a platform.
pytestmark = pytest.mark.timeout(1800)

# Tests of the parts that know the platform's names best. All tests of a platform would take its `make test`.
BOUNDED = (
    "tests/contracts",
    "services/auth",
    "tools/openapi",
    "tools/scaffold/tests/test_platforms.py",
    "tools/scaffold/tests/test_rendered_files.py",
)


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
    # Programs, deployments and CI name nothing that was removed.
    words = r"catalog|CATALOG|(a|the|of|example) cats?\b|prune-audit|[_-]proxy\b|PROXY_|proxy_|call_?[Cc]at"
    parts = (
        "ci",
        ".github",
        "compose*.yaml",
        "process-compose.yaml",
        "deploy",
        "images/Dockerfile",
        "clients/*/README.md",
    )
    assert platform.git("grep", "-nE", words, "--", *parts, ":!deploy/gateway", status=1) == ""
    for script in platform.git("grep", "-lE", "^#!.*\\bbash$").splitlines():
        run("bash", "-n", script, folder=platform.folder)
    assert {path.name for path in (platform.folder / "services").iterdir()} == {"auth", "bookmarks"}
    started(platform)
    platform.pytest(*BOUNDED, "tools/stack", "tools/migrate", "tools/deployment")


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
