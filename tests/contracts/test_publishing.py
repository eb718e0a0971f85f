"""A release pushes each image to the registry, with its bill of materials, and signs both."""

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FAKE = """#!/bin/sh
echo {name} "$@" >>{folder}/calls
previous=
for word; do
  case $word in docker-archive:*) cat "${{word#docker-archive:}}" >>{folder}/pushed ;; esac
  case $previous in --digestfile) printf sha256:%064d 7 >"$word" ;; esac
  case $previous in --output) echo '{{}}' >"${{word#*=}}" ;; esac
  previous=$word
done
case "{name} $1 $2 $4" in
  "oras attach"*) echo Attached ;; # on standard output, as the real one does
  "docker compose "*) printf 'cathouse-auth:dev\\npostgres:18\\ncathouse-migrate:dev\\ncathouse-auth:dev\\n' ;;
  "docker save "*) echo "the image $2" ;;
  "skopeo inspect "*) printf 'sha256:%064d\\n' 8 ;;
esac
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Create fakes of the programs, which record their arguments and their input."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("skopeo", "oras", "cosign", "syft", "docker"):
        program = folder / name
        program.write_text(FAKE.format(name=name, folder=tmp_path))
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
    return script("publish.sh", path, *arguments)


def script(name: str, path: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", ROOT / "images" / name, *arguments],
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
    # The list is the only output: other programs read it.
    assert result.stdout.splitlines() == [
        f"registry.test/house/cathouse-{name}@sha256:{7:064}" for name in ("auth", "migrate")
    ]


@pytest.mark.documentation
def test_images_of_the_dockerfile_go_to_another_tag(
    programs: Path, images: Path, tmp_path: Path
) -> None:
    path = f"{programs}:{os.environ['PATH']}"
    result = publish(path, "registry.test/house/", "0.1.0", images, "-debian")
    assert result.returncode == 0, result.stderr
    assert (
        " docker://registry.test/house/cathouse-auth:0.1.0-debian\n"
        in (tmp_path / "calls").read_text()
    )


def test_each_image_and_its_bill_of_materials_are_signed_by_digest(
    programs: Path, images: Path, tmp_path: Path
) -> None:
    digests = tmp_path / "images.txt"
    listed = [f"registry.test/house/cathouse-{name}@sha256:{7:064}" for name in ("auth", "migrate")]
    digests.write_text("".join(f"{image}\n" for image in listed))
    result = script("sign.sh", f"{programs}:{os.environ['PATH']}", digests, images)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "calls").read_text().splitlines() == [
        call
        for image, name in zip(listed, ("auth", "migrate"), strict=True)
        for call in (
            f"cosign sign --yes {image}",
            f"cosign attest --yes --type cyclonedx --predicate {images}/{name}.cdx.json {image}",
        )
    ]


def test_an_image_that_cannot_be_signed_ends_the_release(
    programs: Path, images: Path, tmp_path: Path
) -> None:
    (programs / "cosign").write_text("#!/bin/sh\nexit 1\n")
    digests = tmp_path / "images.txt"
    digests.write_text(f"registry.test/cathouse-auth@sha256:{7:064}\n")
    result = script("sign.sh", f"{programs}:{os.environ['PATH']}", digests, images)
    assert result.returncode == 1


def test_images_of_compose_are_saved_in_the_form_of_nix(programs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "debian"
    result = script("save.sh", f"{programs}:{os.environ['PATH']}", folder)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in folder.iterdir()) == [
        "auth.cdx.json", "auth.tar.gz", "migrate.cdx.json", "migrate.tar.gz",
    ]  # fmt: skip
    assert gzip.decompress((folder / "auth.tar.gz").read_bytes()) == (
        b"the image cathouse-auth:dev\n"
    )
    calls = (tmp_path / "calls").read_text()
    assert "syft scan --quiet docker:cathouse-auth:dev --output cyclonedx-json=" in calls


def test_images_that_compose_cannot_list_end_the_release(programs: Path, tmp_path: Path) -> None:
    (programs / "docker").write_text("#!/bin/sh\nexit 1\n")
    result = script("save.sh", f"{programs}:{os.environ['PATH']}", tmp_path / "debian")
    assert result.returncode == 1


def test_the_digest_of_each_image_of_others_is_written(programs: Path) -> None:
    result = script("pin_bases.sh", f"{programs}:{os.environ['PATH']}")
    assert result.returncode == 0, result.stderr
    pins = dict(line.split("=", 1) for line in result.stdout.splitlines())
    assert set(pins) == {"CADDY_IMAGE", "POSTGRES_IMAGE", "PYTHON_IMAGE", "VALKEY_IMAGE"}
    assert pins["POSTGRES_IMAGE"] == f"postgres:18@sha256:{8:064}"


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


def test_every_published_image_is_signed_attested_and_listed_on_the_page() -> None:
    """Check the release workflow: it has no image without each of these steps."""
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yaml").read_text())["jobs"]
    commands = [step.get("run", "") for step in jobs["images"]["steps"]]
    lists = [command.rpartition(">")[2] for command in commands if "publish.sh" in command]
    assert len(lists) == len(set(lists)) == 2
    steps = jobs["images"]["steps"]
    attested = {step["with"]["subject-checksums"] for step in steps if "/attest@" in str(step)}
    (uploaded,) = [s["with"]["path"].split() for s in steps if "/upload-artifact@" in str(s)]
    (page,) = [s["run"] for s in jobs["digests"]["steps"] if "gh release upload" in s["run"]]
    for name in lists:
        assert any(f"sign.sh {name} " in command for command in commands)
        checksums = name.replace(".txt", ".subjects")
        assert any(command.endswith(f"{name} >{checksums}") for command in commands)
        assert checksums in attested
        assert name in uploaded
        assert name in page.split()
    assert not any("sign.sh" in str(step) for step in jobs["digests"]["steps"])


def test_checksums_for_the_provenance_are_those_of_the_list(tmp_path: Path) -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yaml").read_text())["jobs"]
    (command,) = [
        step["run"]
        for step in jobs["images"]["steps"]
        if step.get("run", "").endswith(">images.subjects")
    ]
    (tmp_path / "images.txt").write_text(f"registry.test/house/cathouse-auth@sha256:{7:064}\n")
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "images.subjects").read_text() == (
        f"{7:064}  registry.test/house/cathouse-auth\n"
    )
