"""`cathouse-deployment roles` creates and repairs the roles, on a real server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from cathouse_deployment.errors import DeploymentError
from cathouse_deployment.roles import connection_limit, make_roles, server_is_ours
from cathouse_deployment.secret_files import make_secrets
from cathouse_kit.registry import Service
from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.testing import temporary_server

# One worker runs all of these tests, because each worker would start its own server.
pytestmark = pytest.mark.xdist_group("deployment")


@pytest.fixture(scope="module")
def superuser_url() -> Iterator[str]:
    """Yield the superuser's URL of a server for this module. `folder` empties it after each test."""
    with temporary_server() as server:
        yield server.superuser_url("postgres")


@pytest.fixture
async def folder(
    superuser_url: str, services: tuple[Service, ...], tmp_path: Path
) -> AsyncIterator[Path]:
    """Yield the secrets of a deployment with a running, empty PostgreSQL."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres/superuser_url").write_text(superuser_url)
    make_secrets(tmp_path, services)
    yield tmp_path
    connection = await asyncpg.connect(superuser_url)
    await connection.execute("DROP DATABASE IF EXISTS cathouse WITH (FORCE)")
    for service in services:
        for role in service.database_roles:
            await connection.execute(f"DROP ROLE IF EXISTS {role}")
    await connection.close()


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
            for role in service.database_roles:
                assert await _user(folder, role) == f"{role}/{service.schema}"


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


async def test_a_url_of_another_role_is_refused_without_showing_its_password(
    services: tuple[Service, ...], folder: Path
) -> None:
    path = folder / "auth/database_url"
    url = path.read_text().replace("postgresql://auth:", "postgresql://catalog:")
    path.unlink()
    path.write_text(url)
    with pytest.raises(DeploymentError, match="auth/database_url must be") as raised:
        await make_roles(folder, services)
    assert url.split(":")[2].partition("@")[0] not in str(raised.value)


async def test_a_server_that_does_not_respond_is_named(
    services: tuple[Service, ...], tmp_path: Path
) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres/superuser_url").write_text(
        "postgresql://postgres:pw@127.0.0.1:1/postgres"
    )
    make_secrets(tmp_path, services)
    with pytest.raises(PostgresToolError, match=r"PostgreSQL at 127\.0\.0\.1:1 does not respond"):
        await make_roles(tmp_path, services, wait=0.1)


@pytest.mark.parametrize(
    ("environ", "limit"),
    [
        ({}, None),
        ({"DATABASE_POOL_SIZE": "20"}, None),
        ({"REPLICAS": "1"}, 14),
        ({"REPLICAS": "3", "DATABASE_POOL_SIZE": "5"}, 38),
        ({"REPLICAS": "6", "DATABASE_POOL_SIZE": "10"}, 134),
    ],
)
def test_the_limit_of_connections_includes_all_replicas_during_an_update(
    environ: dict[str, str], limit: int | None
) -> None:
    assert connection_limit(environ) == limit


@pytest.mark.parametrize("value", ["0", "-1", "three", "1.5", "²"])
@pytest.mark.parametrize("name", ["REPLICAS", "DATABASE_POOL_SIZE"])
def test_an_invalid_number_is_named(name: str, value: str) -> None:
    with pytest.raises(
        DeploymentError, match=f"{name}={value} is not valid: set it to a whole number above 0"
    ):
        connection_limit({"REPLICAS": "3", name: value})


async def test_the_limit_is_set_and_without_a_number_it_is_kept(
    services: tuple[Service, ...], folder: Path
) -> None:
    for connections in (17, None):
        await make_roles(folder, services, connections=connections)
        admin = await asyncpg.connect((folder / "postgres/superuser_url").read_text())
        limit = await admin.fetchval("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'proxy'")
        assert limit == 17
        await admin.close()


@pytest.mark.parametrize(
    ("environ", "ours"),
    [({}, False), ({"POSTGRES_IS_OURS": "false"}, False), ({"POSTGRES_IS_OURS": "true"}, True)],
)
def test_a_server_is_ours_only_if_the_environment_says_so(
    environ: dict[str, str], ours: bool
) -> None:
    assert server_is_ours(environ) is ours


def test_an_invalid_answer_is_named() -> None:
    with pytest.raises(DeploymentError, match="POSTGRES_IS_OURS=yes is not valid: set it to true"):
        server_is_ours({"POSTGRES_IS_OURS": "yes"})


@pytest.mark.parametrize("ours", [False, True])
async def test_roles_connect_to_other_databases_only_if_the_server_is_not_ours(
    services: tuple[Service, ...], folder: Path, superuser_url: str, ours: bool
) -> None:
    admin = await asyncpg.connect(superuser_url)
    try:
        await make_roles(folder, services, ours=ours)
        for database in ("postgres", "template1"):
            allowed = await admin.fetchval(
                "SELECT has_database_privilege('catalog', $1, 'CONNECT')", database
            )
            assert allowed is not ours
    finally:
        await admin.execute("GRANT CONNECT ON DATABASE postgres, template1 TO PUBLIC")
        await admin.close()
