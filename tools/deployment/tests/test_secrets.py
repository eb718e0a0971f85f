"""`cathouse-deployment secrets` and `rotate-service-token`."""

import os
from pathlib import Path

import pytest
from cathouse_deployment.errors import DeploymentError
from cathouse_deployment.secret_files import IMAGE_USER, make_secrets, rotate_service_token
from cathouse_kit.registry import Service


def _read(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_every_secret_is_random(services: tuple[Service, ...], tmp_path: Path) -> None:
    created = make_secrets(tmp_path / "a", services)
    make_secrets(tmp_path / "b", services)
    first, second = _read(tmp_path / "a"), _read(tmp_path / "b")
    assert set(created) == set(first) - {".gitignore"}
    assert {"service_token", *(f"{service.name}/database_url" for service in services)} < set(
        created
    )
    assert all(first[name] != second[name] for name in created)
    assert len(first["service_token"]) >= 32
    assert first["auth/database_url"].startswith("postgresql://auth:")
    assert first["auth/database_url"].endswith("@postgres:5432/cathouse")


def test_only_the_owner_can_read_the_files(services: tuple[Service, ...], tmp_path: Path) -> None:
    for name in make_secrets(tmp_path, services):
        status = (tmp_path / name).stat()
        assert status.st_mode & 0o777 == 0o400
        assert status.st_uid == (IMAGE_USER if os.geteuid() == 0 else os.geteuid())


def test_existing_secrets_are_kept(services: tuple[Service, ...], tmp_path: Path) -> None:
    make_secrets(tmp_path, services)
    before = _read(tmp_path)
    assert make_secrets(tmp_path, services) == []
    (tmp_path / "catalog/database_url").unlink()
    assert make_secrets(tmp_path, services) == ["catalog/database_url"]
    after = _read(tmp_path)
    assert after.pop("catalog/database_url") != before.pop("catalog/database_url")
    assert after == before


def test_the_urls_use_a_server_that_is_managed_elsewhere(
    services: tuple[Service, ...], tmp_path: Path
) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres/superuser_url").write_text(
        "postgresql://admin:pw@db.example.com:6432/postgres?sslmode=require\n"
    )
    created = make_secrets(tmp_path, services)
    assert "postgres/superuser_password" not in created
    url = (tmp_path / "proxy/database_url").read_text()
    assert url.startswith("postgresql://proxy:")
    assert url.endswith("@db.example.com:6432/cathouse?sslmode=require")


def test_an_empty_secret_is_named(services: tuple[Service, ...], tmp_path: Path) -> None:
    (tmp_path / "service_token").touch()
    with pytest.raises(DeploymentError, match="service_token is empty"):
        make_secrets(tmp_path, services)


def test_git_ignores_the_secrets(services: tuple[Service, ...], tmp_path: Path) -> None:
    make_secrets(tmp_path, services)
    assert (tmp_path / ".gitignore").read_text() == "*\n"


def test_the_service_token_is_rotated_in_two_steps(
    services: tuple[Service, ...], tmp_path: Path
) -> None:
    make_secrets(tmp_path, services)
    path = tmp_path / "service_token"
    old, status = path.read_text(), path.stat()
    rotate_service_token(tmp_path, finish=False)
    new, kept = path.read_text().split(",")
    assert kept == old
    assert new != old
    assert len(new) >= 32
    with pytest.raises(DeploymentError, match="already contains two tokens"):
        rotate_service_token(tmp_path, finish=False)
    assert path.read_text() == f"{new},{old}"
    rotate_service_token(tmp_path, finish=True)
    assert path.read_text() == new
    assert (path.stat().st_mode, path.stat().st_uid) == (status.st_mode, status.st_uid)
    with pytest.raises(DeploymentError, match="the rotation is finished"):
        rotate_service_token(tmp_path, finish=True)


def test_a_missing_service_token_cannot_be_rotated(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="contains no token"):
        rotate_service_token(tmp_path, finish=False)
    assert list(tmp_path.iterdir()) == []
