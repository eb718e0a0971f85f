import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from cathouse_kit.registry import Service
from cathouse_migrate.migrate import installed_services, migrate_all
from cathouse_postgres.testing import TemporaryServer


def migrate(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cathouse_migrate", *options],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "SECRETS_DIR": str(folder / "secrets")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def secrets(
    tmp_path: Path, services: tuple[Service, ...], postgres_server: TemporaryServer, database: str
) -> Path:
    """Return a folder of secrets for a new database with roles and schemas, but without tables."""
    name = f"{database}_migrate"
    postgres_server.drop_database(name)
    postgres_server.create_database(name)
    postgres_server.provision(services, name)
    folder = tmp_path / "secrets"
    for service in services:
        (folder / service.owner_role).mkdir(parents=True)
        (folder / service.owner_role / "database_url").write_text(
            postgres_server.url(service.owner_role, name)
        )
    (folder / "service_token").write_text("x" * 40)
    return folder


def test_every_service_is_migrated_and_a_second_run_changes_nothing(
    secrets: Path, services: tuple[Service, ...]
) -> None:
    first = migrate(secrets.parent)
    assert first.returncode == 0, first.stderr
    assert {line.partition(":")[0] for line in first.stdout.splitlines()} == {
        s.name for s in services
    }
    assert all("empty → " in line for line in first.stdout.splitlines())
    second = migrate(secrets.parent)
    assert second.returncode == 0
    assert all(": at " in line for line in second.stdout.splitlines())


async def test_statements_of_migrations_have_no_time_limit(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = []
    connect = asyncpg.connect

    async def note(*arguments: Any, **options: Any) -> asyncpg.Connection:
        limits.append(options["command_timeout"])
        return await connect(*arguments, **options)

    monkeypatch.setattr(asyncpg, "connect", note)
    urls = {
        name: (secrets / f"{name}_owner" / "database_url").read_text()
        for name in installed_services()
    }
    await migrate_all(urls)
    assert limits == [None] * len(urls)


def test_the_env_file_of_each_service_is_read(secrets: Path) -> None:
    for name in installed_services():
        (secrets.parent / "services" / name).mkdir(parents=True)
    (secrets.parent / "services/catalog/.env").write_text("LOG_LEVEL=loud\n")
    refused = migrate(secrets.parent, "--settings-root", "services")
    assert refused.returncode == os.EX_CONFIG
    assert refused.stderr.startswith("catalog: LOG_LEVEL=loud: ")
    assert refused.stdout == "", "nothing is migrated when a service could not start"


def test_a_missing_secret_is_named(secrets: Path) -> None:
    (secrets / "proxy_owner/database_url").unlink()
    refused = migrate(secrets.parent)
    assert refused.returncode == os.EX_CONFIG
    assert refused.stderr.startswith("proxy: DATABASE_URL is not set")
    assert "SECRETS_DIR/proxy_owner" in refused.stderr


def test_the_url_of_a_serving_role_is_refused_and_the_owner_role_is_named(
    secrets: Path, postgres_server: TemporaryServer
) -> None:
    path = secrets / "proxy_owner/database_url"
    name = path.read_text().rpartition("/")[2]
    path.write_text(postgres_server.url("proxy", name))
    refused = migrate(secrets.parent)
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "migrate: schema proxy belongs to the role proxy_owner, but DATABASE_URL has the role proxy: "
    )
    assert len(refused.stderr.splitlines()) == 1


def test_a_stopped_database_is_reported_in_one_line(secrets: Path, unused_tcp_port: int) -> None:
    for path in secrets.glob("*/database_url"):
        path.write_text(
            f"postgresql://{path.parent.name}:hunter2@127.0.0.1:{unused_tcp_port}/cathouse"
        )
    refused = migrate(secrets.parent)
    assert refused.returncode == 1
    assert refused.stderr.startswith("migrate: PostgreSQL does not respond: ")
    assert len(refused.stderr.splitlines()) == 1
    assert "hunter2" not in refused.stderr
