"""Fixtures for tests that need Docker. `eval "$(tests/containers/start-docker.sh FOLDER)"` starts it on bare Debian."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .engine import NAMES, ROOT, TAG, Stack, composed, docker, run


@pytest.fixture(scope="session")
def engine() -> str:
    """Return the version of the engine. Without an engine, the tests fail and name the missing program."""
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
    """Return the images by service, `migrate` included.

    If CATHOUSE_TAG is set, they are the images with this tag, such as those from Nix. Otherwise images/Dockerfile is
    built.
    """
    if "CATHOUSE_TAG" not in os.environ:
        result = run("docker", "compose", "build", *NAMES, "migrate", cwd=ROOT)
        assert result.returncode == 0, result.stdout
    found = {name: f"cathouse-{name}:{TAG}" for name in (*NAMES, "migrate")}
    for image in found.values():
        docker("image", "inspect", image)
    return found


@pytest.fixture(scope="session")
def stack(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a running stack of compose.yaml. Each test must leave it running and unchanged."""
    with composed(tmp_path_factory.mktemp("stack") / "here", "cathouse-test") as stack:
        print(f"cold start: {stack.start():.1f} s")
        yield stack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that does not exist yet, for a test that starts its own stack."""
    return tmp_path / "stack"


@pytest.fixture
def promtool() -> str:
    """Return the path of Prometheus' program for rules."""
    if not (found := shutil.which("promtool")):
        pytest.fail("these tests need promtool on the PATH: Debian's package prometheus has it")
    return found
