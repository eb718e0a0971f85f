"""`cathouse-deployment secrets`."""

import os
from pathlib import Path

import pytest
from cathouse_deployment.errors import DeploymentError
from cathouse_deployment.secret_files import IMAGE_USER, make_secrets, rotate_service_token
from cathouse_kit.registry import Service


def _read(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_every_secret_is_made_at_random(services: tuple[Service, ...], tmp_path: Path) -> None:
    made = make_secrets(tmp_path / "a", services)
    make_secrets(tmp_path / "b", services)
    first, second = _read(tmp_path / "a"), _read(tmp_path / "b")
    assert set(made) == set(first) - {".gitignore"}
    assert {"service_token", *(f"{service.name}/database_url" for service in services)} < set(made)
    assert all(first[name] != second[name] for name in made)
    assert len(first["service_token"]) >= 32
    assert first["auth/database_url"].startswith("postgresql://auth:")
    assert first["auth/database_url"].endswith("@postgres:5432/cathouse")


def test_only_the_owner_reads_them(services: tuple[Service, ...], tmp_path: Path) -> None:
    for name in make_secrets(tmp_path, services):
        status = (tmp_path / name).stat()
        assert status.st_mode & 0o777 == 0o400
        assert status.st_uid == (IMAGE_USER if os.geteuid() == 0 else os.geteuid())


def test_what_exists_is_kept(services: tuple[Service, ...], tmp_path: Path) -> None:
    make_secrets(tmp_path, services)
    before = _read(tmp_path)
    assert make_secrets(tmp_path, services) == []
    (tmp_path / "catalog/database_url").unlink()
    assert make_secrets(tmp_path, services) == ["catalog/database_url"]
    after = _read(tmp_path)
    assert after.pop("catalog/database_url") != before.pop("catalog/database_url")
    assert after == before


def test_a_server_elsewhere_is_led_to(services: tuple[Service, ...], tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres/superuser_url").write_text(
        "postgresql://admin:pw@db.example.com:6432/postgres?sslmode=require\n"
    )
    made = make_secrets(tmp_path, services)
    assert "postgres/superuser_password" not in made
    url = (tmp_path / "proxy/database_url").read_text()
    assert url.startswith("postgresql://proxy:")
    assert url.endswith("@db.example.com:6432/cathouse?sslmode=require")


def test_an_empty_secret_is_named(services: tuple[Service, ...], tmp_path: Path) -> None:
    (tmp_path / "service_token").touch()
    with pytest.raises(DeploymentError, match="service_token is empty"):
        make_secrets(tmp_path, services)


def test_no_repository_takes_them(services: tuple[Service, ...], tmp_path: Path) -> None:
    make_secrets(tmp_path, services)
    assert (tmp_path / ".gitignore").read_text() == "*\n"


def test_the_service_token_is_replaced_in_two_steps(
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
    with pytest.raises(DeploymentError, match="holds two tokens already"):
        rotate_service_token(tmp_path, finish=False)
    assert path.read_text() == f"{new},{old}"
    rotate_service_token(tmp_path, finish=True)
    assert path.read_text() == new
    assert (path.stat().st_mode, path.stat().st_uid) == (status.st_mode, status.st_uid)
    with pytest.raises(DeploymentError, match="nothing to finish"):
        rotate_service_token(tmp_path, finish=True)


def test_without_a_service_token_there_is_nothing_to_replace(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="holds no token"):
        rotate_service_token(tmp_path, finish=False)
    assert list(tmp_path.iterdir()) == []
