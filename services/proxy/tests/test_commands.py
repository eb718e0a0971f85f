"""`python -m cathouse_proxy rotate-keys` and `prune-audit`."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pytest
from cathouse_kit.database import Database
from cathouse_kit.testing import FakeServices, running
from cathouse_proxy.main import create_app
from cathouse_proxy.services.audit import retention
from cathouse_proxy.services.audit.ids import uuid7
from cathouse_proxy.settings import Settings
from pydantic import SecretStr

from .support import FakePlatform, Rows

Run = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


@pytest.fixture
def run(settings: Settings, tmp_path: Path, database_urls: dict[str, str]) -> Run:
    """A function that runs `python -m cathouse_proxy` with arguments and the secrets of all database roles."""
    for role in ("proxy", "proxy_owner", "proxy_pruner"):
        (tmp_path / "secrets" / role).mkdir(parents=True)
        (tmp_path / "secrets" / role / "database_url").write_text(database_urls[role])

    async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "cathouse_proxy", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "SECRETS_DIR": str(tmp_path / "secrets"),
                "SERVICE_TOKEN": settings.service_token.get_secret_value(),
            },
            timeout=60,
            check=False,
        )

    return run


async def _called(database_urls: dict[str, str], *ages: timedelta) -> list[UUID]:
    """Insert calls of these ages, and return their ids."""
    ids = [uuid7(datetime.now(UTC) - age) for age in ages]
    connection = await asyncpg.connect(database_urls["proxy"])
    await connection.executemany(
        "insert into proxy.audit (id, at, method, path, outcome, request_id)"
        " values ($1, $2, 'GET', '/', 'answered', 'r')",
        [(id_, datetime.now(UTC) - age) for id_, age in zip(ids, ages, strict=True)],
    )
    await connection.close()
    return ids


async def test_rotating_keys_prints_the_id_of_the_new_key(
    run: Run, client: httpx.AsyncClient, settings: Settings, fake_services: FakeServices
) -> None:
    old = await _kids(client)
    done = await run("rotate-keys")
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert '"event":"signing_key_rotated"' in done.stderr
    assert done.stdout.strip() in done.stderr
    # Another app acts as a process that has not read the keys before.
    async with running(create_app(settings, transport=fake_services.transport)) as other:
        assert await _kids(other) == [done.stdout.strip(), *old]


async def _kids(client: httpx.AsyncClient) -> list[str]:
    return [key["kid"] for key in (await client.get("/api/v1/proxy/jwks")).json()["keys"]]


async def test_older_rows_are_deleted_and_no_others(
    run: Run, database_urls: dict[str, str], emptied: None, rows: Rows
) -> None:
    day = timedelta(days=1)
    ids = await _called(
        database_urls,
        400 * day,
        30 * day + timedelta(minutes=1),
        30 * day - timedelta(minutes=1),
        0 * day,
    )
    done = await run("prune-audit", "--older-than", "30")
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 rows deleted\n", "")
    assert {row["id"] for row in await rows()} == set(ids[2:])


async def test_many_rows_are_deleted_in_steps_while_calls_are_written(
    client: httpx.AsyncClient,
    platform: FakePlatform,
    database_urls: dict[str, str],
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "_DELETED_AT_ONCE", 3)
    await _called(database_urls, *[timedelta(days=2)] * 10)
    pruner = Database(
        SecretStr(database_urls["proxy_pruner"]), pool_size=1, application_name="test"
    )
    try:
        deleted, answer = await asyncio.gather(
            retention.delete_older_than(pruner, timedelta(days=1)), client.get(platform.path())
        )
    finally:
        await pruner.close()
    assert (deleted, answer.status_code) == (10, 200)
    assert [row["outcome"] for row in await rows()] == ["answered"]


@pytest.mark.parametrize("days", ["0", "-1", "soon", "1.5", "36501"])
async def test_an_invalid_number_of_days_deletes_nothing(
    days: str, run: Run, database_urls: dict[str, str], emptied: None, rows: Rows
) -> None:
    await _called(database_urls, timedelta(days=400))
    done = await run("prune-audit", "--older-than", days)
    assert done.returncode == 2
    assert (
        f"invalid number of days value: '{days}'" in done.stderr
        or "expected one argument" in done.stderr
    )
    assert len(await rows()) == 1


async def test_pruning_with_the_service_role_is_refused_and_names_the_pruner(
    run: Run, tmp_path: Path, database_urls: dict[str, str], emptied: None, rows: Rows
) -> None:
    await _called(database_urls, timedelta(days=400))
    (tmp_path / "secrets/proxy_pruner/database_url").unlink()
    done = await run("prune-audit", "--older-than", "90")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "cathouse_proxy: the role in DATABASE_URL may not delete from the audit"
    )
    assert "SECRETS_DIR/proxy_pruner/database_url" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(await rows()) == 1


async def test_migrations_run_as_the_owner(run: Run, tmp_path: Path) -> None:
    done = await run("migrate")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("proxy: at ")
