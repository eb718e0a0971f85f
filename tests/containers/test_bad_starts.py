"""A start that fails prints one message with the reason, leaves nothing running, and changes no data."""

import socket
import subprocess
import time
from pathlib import Path

import pytest

from .engine import ROOT, Stack, composed, docker, in_image


def _fails(stack: Stack) -> str:
    """Start a stack that must fail. Return its message. Nothing may run afterwards."""
    result = stack.run("deploy/compose/up.sh")
    assert result.returncode == 1
    assert stack.containers() == []
    assert "All containers are stopped. The data is kept." in result.stdout
    return result.stdout


def test_a_missing_secret_is_named(images: dict[str, str], folder: Path) -> None:
    with composed(folder, "cathouse-bad") as stack:
        (folder / "secrets/catalog/database_url").unlink()
        assert "secrets/catalog/database_url" in _fails(stack)


def test_a_start_without_secrets_creates_them(images: dict[str, str], folder: Path) -> None:
    with composed(folder, "cathouse-bad", secrets=False) as stack:
        assert not (folder / "secrets/service_token").exists()
        stack.start()
        assert stack.get("/api/v1/auth/jwks").status_code == 200


def test_an_unknown_tag_is_named(images: dict[str, str], folder: Path) -> None:
    with composed(folder, "cathouse-bad") as stack:
        stack.environment["CATHOUSE_TAG"] = "no-such-tag"
        assert "cathouse-migrate:no-such-tag" in _fails(stack)


def test_a_taken_port_is_named(images: dict[str, str], folder: Path) -> None:
    with composed(folder, "cathouse-bad") as stack, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        stack.environment["GATEWAY_HTTPS_PORT"] = port
        began = int(time.time())
        said = _fails(stack)
        assert f"127.0.0.1:{port}" in said
        assert "address already in use" in said
        times = (f"--since={began}", f"--until={int(time.time()) + 1}")
        started = docker(
            "events", *times, "--filter=event=start", "--format={{.Actor.Attributes.name}}"
        )
        assert "postgres" not in started


def test_too_little_memory_is_named(images: dict[str, str], folder: Path) -> None:
    with composed(folder, "cathouse-bad") as stack:
        stack.files += ("small.yaml",)
        (folder / "small.yaml").write_text(
            "services: {auth: {deploy: {resources: {limits: {memory: 24M}}}}}\n"
        )
        assert "auth: killed, as its memory limit of 24 MB is too small" in _fails(stack)


def test_data_of_another_major_version_is_named_and_kept(
    images: dict[str, str], folder: Path
) -> None:
    with composed(folder, "cathouse-bad") as stack:
        stack.compose("up", "--detach", "--wait", "postgres")
        stack.down()
        version = "/var/lib/postgresql/18/docker/PG_VERSION"
        volume = f"--volume={stack.project}_database:/var/lib/postgresql"
        in_image(
            images["migrate"],
            "python",
            "-c",
            f"open('{version}', 'w').write('17\\n')",
            options=(volume,),
        )
        said = _fails(stack)
        assert "initialized by PostgreSQL version 17" in said
        kept = in_image(
            images["migrate"], "python", "-c", f"print(open('{version}').read())", options=(volume,)
        )
        assert kept == "17"


@pytest.fixture
def broken_migration(images: dict[str, str], tmp_path: Path) -> str:
    """Build an image in which the catalog's newest migration fails. Return its tag."""
    package = in_image(
        images["migrate"], "python", "-c", "import cathouse_catalog as c; print(c.__path__[0])"
    )
    versions = (ROOT / "services/catalog/cathouse_catalog/migrations/versions").glob("[0-9]*.py")
    newest = max(path.name.partition("_")[0] for path in versions)
    context = tmp_path / "broken"
    context.mkdir()
    (context / "9999_broken.py").write_text(
        f'revision = "9999"\ndown_revision = "{newest}"\n\n\ndef upgrade() -> None:\n'
        '    raise RuntimeError("the migration 9999 is broken")\n'
    )
    (context / "Dockerfile").write_text(
        f"FROM {images['migrate']}\nCOPY 9999_broken.py {package}/migrations/versions/\n"
    )
    result = subprocess.run(
        ["docker", "build", "--quiet", "--tag=cathouse-migrate:broken", str(context)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return "broken"


def test_a_migration_that_fails_keeps_the_services_from_starting_and_says_so(
    broken_migration: str, folder: Path
) -> None:
    with composed(folder, "cathouse-bad") as stack:
        stack.files += ("broken.yaml",)
        (folder / "broken.yaml").write_text(
            f"services: {{migrate: {{image: 'cathouse-migrate:{broken_migration}'}}}}\n"
        )
        said = _fails(stack)
        assert 'service "migrate" didn\'t complete successfully: exit 1' in said
        assert "migrate: exit 1: " in said
        assert "9999" in said
        # With a good image it starts again, with an unchanged database.
        stack.files = ("compose.yaml",)
        stack.start()
        assert stack.sql("SELECT version_num FROM catalog.alembic_version") != "9999"


def test_a_failed_update_leaves_what_ran_before(stack: Stack) -> None:
    before = [each["Id"] for each in stack.replicas("auth")]
    stack.environment["CATHOUSE_TAG"] = "no-such-tag"
    try:
        result = stack.run("deploy/compose/up.sh")
    finally:
        del stack.environment["CATHOUSE_TAG"]
    assert result.returncode == 1
    assert "no-such-tag" in result.stdout
    assert [each["Id"] for each in stack.replicas("auth")] == before
    assert stack.ready("auth")


def test_an_update_that_does_not_start_leaves_what_ran_before(
    stack: Stack, images: dict[str, str]
) -> None:
    for image in images.values():
        docker("tag", image, f"{image.partition(':')[0]}:broken")
    subprocess.run(
        ["docker", "build", "--quiet", "--tag=cathouse-auth:broken", "-"],
        input=f"FROM {images['auth']}\nENTRYPOINT [\"python\", \"-c\", \"raise SystemExit('this tag is broken')\"]\n",
        text=True, check=True, capture_output=True,
    )  # fmt: skip
    before = [each["Id"] for each in stack.replicas("auth")]
    stack.environment["CATHOUSE_TAG"] = "broken"
    try:
        result = stack.run("deploy/compose/up.sh")
    finally:
        del stack.environment["CATHOUSE_TAG"]
    assert result.returncode == 1
    assert "auth: this tag is broken" in result.stdout
    assert [each["Id"] for each in stack.replicas("auth")] == before
    assert stack.ready("auth")
    stack.start()  # `roles` and `migrate` are of the old tag again
