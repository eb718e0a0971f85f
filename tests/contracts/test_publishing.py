"""A release pushes each image to the registry, with its bill of materials."""

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Create fakes of skopeo and oras that record their arguments and their input."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("skopeo", "oras"):
        program = folder / name
        program.write_text(
            f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/calls\n'
            "for word; do case $word in docker-archive:*)"
            f' cat "${{word#docker-archive:}}" >> {tmp_path}/pushed;; esac; done\n'
        )
        program.chmod(0o755)
    return folder


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Create a folder like the result of `nix build .#images`."""
    folder = tmp_path / "result"
    folder.mkdir()
    for name in ("auth", "migrate"):
        (folder / f"{name}.tar.gz").write_bytes(gzip.compress(f"the image {name}\n".encode()))
        (folder / f"{name}.cdx.json").write_text("{}")
    return folder


def publish(path: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", ROOT / "images/publish.sh", *arguments],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.documentation  # needs the changelog, which is documentation
def test_each_image_goes_with_its_bill_of_materials(
    programs: Path, images: Path, tmp_path: Path
) -> None:
    result = publish(f"{programs}:{os.environ['PATH']}", "registry.test/house/", "0.1.0", images)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "pushed").read_text() == "the image auth\nthe image migrate\n"
    calls = (tmp_path / "calls").read_text().splitlines()
    for name in ("auth", "migrate"):
        image = f"registry.test/house/cathouse-{name}:0.1.0"
        (push,) = [call for call in calls if call.startswith("skopeo") and image in call]
        assert push.endswith(f" docker://{image}")
        (attach,) = [call for call in calls if call.startswith("oras") and image in call]
        assert attach.endswith(f" {image} {name}.cdx.json:application/vnd.cyclonedx+json")


@pytest.mark.documentation
def test_a_version_that_the_changelog_does_not_know_is_refused(
    programs: Path, images: Path, tmp_path: Path
) -> None:
    result = publish(f"{programs}:{os.environ['PATH']}", "registry.test/house/", "9.9.9", images)
    assert result.returncode == 65
    assert "make release VERSION=9.9.9" in result.stderr
    assert not (tmp_path / "calls").exists()


@pytest.mark.parametrize("arguments", [(), ("registry.test/house/",), ("registry.test", "0.1.0")])
def test_without_its_arguments_it_prints_an_example(
    programs: Path, arguments: tuple[str, ...]
) -> None:
    result = publish(f"{programs}:{os.environ['PATH']}", *arguments)
    assert result.returncode == 64
    assert "images/publish.sh registry.example.com/cathouse/ 0.2.0" in result.stderr


def test_a_program_that_is_missing_is_named(programs: Path) -> None:
    (programs / "skopeo").unlink()
    tools = programs.parent / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "grep"):
        (tools / name).symlink_to(shutil.which(name) or "")
    result = publish(f"{programs}:{tools}", "registry.test/house/", "0.1.0")
    assert result.returncode == 69
    assert "skopeo is not on the PATH" in result.stderr
