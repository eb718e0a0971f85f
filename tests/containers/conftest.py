"""These tests need a Docker engine; `eval "$(tests/containers/start-docker.sh FOLDER)"` starts one on bare Debian."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .engine import NAMES, ROOT, TAG, Stack, composed, docker, run


@pytest.fixture(scope="session")
def engine() -> str:
    """The version of the engine; without one the tests fail, and say what is missing."""
    how = 'eval "$(tests/containers/start-docker.sh FOLDER)" starts one on Debian'
    try:
        result = run("docker", "version", "--format", "{{.Server.Version}}")
    except FileNotFoundError:
        pytest.fail(f"these tests need the program docker and an engine: {how}", pytrace=False)
    if result.returncode:
        pytest.fail(
            f"these tests need a Docker engine: {how}. {result.stdout.strip()}", pytrace=False
        )
    if run("docker", "compose", "version").returncode:
        pytest.fail(f"these tests need Docker Compose 2: {how}", pytrace=False)
    return result.stdout.strip()


@pytest.fixture(scope="session")
def images(engine: str) -> dict[str, str]:
    """The images by service, `migrate` included: those with the tag CATHOUSE_TAG where that is set (made by Nix, say),
    else made here from images/Dockerfile."""
    if "CATHOUSE_TAG" not in os.environ:
        result = run("docker", "compose", "build", *NAMES, "migrate", cwd=ROOT)
        assert result.returncode == 0, result.stdout
    found = {name: f"cathouse-{name}:{TAG}" for name in (*NAMES, "migrate")}
    for image in found.values():
        docker("image", "inspect", image)
    return found


@pytest.fixture(scope="session")
def stack(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A composed stack that is up; whatever a test does to it, it leaves it up, as compose.yaml says."""
    with composed(tmp_path_factory.mktemp("stack") / "here", "cathouse-test") as stack:
        print(f"cold start: {stack.start():.1f} s")
        yield stack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that does not exist yet, for a stack of a test's own."""
    return tmp_path / "stack"
