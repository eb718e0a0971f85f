"""`cathouse-deployment roles`."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from cathouse_deployment.errors import DeploymentError
from cathouse_deployment.roles import make_roles
from cathouse_deployment.secret_files import make_secrets
from cathouse_kit.registry import Service
from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.testing import temporary_server


@pytest.fixture
async def folder(services: tuple[Service, ...], tmp_path: Path) -> AsyncIterator[Path]:
    """The secrets of a deployment whose PostgreSQL runs, and is empty."""
    with temporary_server() as server:
        (tmp_path / "postgres").mkdir()
        (tmp_path / "postgres/superuser_url").write_text(server.superuser_url("postgres"))
        make_secrets(tmp_path, services)
        yield tmp_path


async def _user(folder: Path, name: str) -> str:
    connection = await asyncpg.connect((folder / name / "database_url").read_text())
    try:
        return str(await connection.fetchval("SELECT current_user || '/' || current_schema"))
    finally:
        await connection.close()


async def test_each_service_connects_with_its_secret(
    services: tuple[Service, ...], folder: Path
) -> None:
    for _ in range(2):  # the second time changes nothing
        await make_roles(folder, services)
        for service in services:
            assert await _user(folder, service.name) == f"{service.name}/{service.schema}"


async def test_a_new_password_replaces_the_old_one(
    services: tuple[Service, ...], folder: Path
) -> None:
    await make_roles(folder, services)
    (folder / "auth/database_url").unlink()
    make_secrets(folder, services)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _user(folder, "auth")
    await make_roles(folder, services)
    assert await _user(folder, "auth") == "auth/auth"


async def test_a_missing_secret_is_named(services: tuple[Service, ...], folder: Path) -> None:
    (folder / "proxy/database_url").unlink()
    with pytest.raises(DeploymentError, match=r"proxy/database_url cannot be read"):
        await make_roles(folder, services)


async def test_a_url_that_leads_elsewhere_is_refused_without_its_password(
    services: tuple[Service, ...], folder: Path
) -> None:
    path = folder / "auth/database_url"
    url = path.read_text().replace("postgresql://auth:", "postgresql://catalog:")
    path.unlink()
    path.write_text(url)
    with pytest.raises(DeploymentError, match="auth/database_url must be") as raised:
        await make_roles(folder, services)
    assert url.split(":")[2].partition("@")[0] not in str(raised.value)


async def test_a_server_that_does_not_answer_is_named(
    services: tuple[Service, ...], tmp_path: Path
) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres/superuser_url").write_text(
        "postgresql://postgres:pw@127.0.0.1:1/postgres"
    )
    make_secrets(tmp_path, services)
    with pytest.raises(PostgresToolError, match=r"no PostgreSQL answers at 127\.0\.0\.1:1"):
        await make_roles(tmp_path, services, wait=0.1)
