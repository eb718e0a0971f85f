"""The scheduled backup of Compose writes, checks and deletes dumps of a real PostgreSQL."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from cathouse_postgres.binaries import find_binaries
from cathouse_postgres.settings import SUPERUSER, Settings
from cathouse_postgres.testing import TemporaryServer
from cathouse_postgres.urls import address_in

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy/database/scheduled_backup.sh"
DAY = 24 * 3600
TABLES = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'"


@dataclass
class Job:
    """The script, with a folder for its backups."""

    folder: Path
    programs: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sh", SCRIPT, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def replace(self, name: str, source: str) -> None:
        """Put a program before the real one of this name."""
        (self.programs / name).write_text(f"#!/bin/sh\n{source}\n")
        (self.programs / name).chmod(0o755)

    def add(self, age: float, name: str) -> Path:
        path = self.folder / name
        path.write_text("a dump")
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    @property
    def dumps(self) -> list[Path]:
        return sorted(self.folder.glob("cathouse-*.dump"))


@pytest.fixture
def job(postgres_server: TemporaryServer, database: str, tmp_path: Path) -> Job:
    binaries = find_binaries(Settings.from_environment().binaries)
    host, port, user, _ = address_in(postgres_server.superuser_url(database))
    (tmp_path / "password").write_text(f"{postgres_server.superuser_password}\n")
    folder, programs = tmp_path / "backups", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    environment = {
        "PATH": f"{programs}:{binaries}:{os.environ['PATH']}",
        "PGHOST": host,
        "PGPORT": str(port),
        "PGUSER": user,
        "PGDATABASE": database,
        "PASSWORD_FILE": str(tmp_path / "password"),
        "BACKUPS": str(folder),
        "KEEP_DAYS": "14",
    }
    return Job(folder, programs, environment)


@pytest.fixture
def empty_database(postgres_server: TemporaryServer, database: str) -> Iterator[str]:
    name = f"{database}_restored"
    postgres_server.create_database(name)
    yield name
    postgres_server.drop_database(name)


async def _contents(server: TemporaryServer, database: str) -> dict[str, list[str]]:
    """Return the rows of every table."""
    connection = await asyncpg.connect(server.superuser_url(database))
    try:
        return {
            table: sorted(
                row[0] for row in await connection.fetch(f"SELECT t::text FROM {table} t")
            )
            for (table,) in await connection.fetch(TABLES)
        }
    finally:
        await connection.close()


def test_a_backup_can_be_restored(
    job: Job, postgres_server: TemporaryServer, database: str, empty_database: str
) -> None:
    began = int(time.time())
    result = job.run("once")
    assert result.returncode == 0, result.stderr
    (dump,) = job.dumps
    assert dump.stat().st_mode & 0o077 == 0
    restored = subprocess.run(
        ["pg_restore", "--exit-on-error", "--no-owner", f"--dbname={empty_database}", dump],
        env={**job.environment, "PGPASSWORD": postgres_server.superuser_password},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert restored.returncode == 0, restored.stderr
    before = asyncio.run(_contents(postgres_server, database))
    assert len(before["auth.alembic_version"]) == 1
    assert asyncio.run(_contents(postgres_server, empty_database)) == before

    record = job.folder / "backup.prom"
    name, value = record.read_text().split()
    assert name == 'cathouse_last_success_timestamp_seconds{task="backup"}'
    assert began <= int(value) <= time.time()
    assert record.stat().st_mode & 0o004, "node exporter is another user"
    assert {path.name for path in job.folder.iterdir()} == {dump.name, record.name}


def test_backups_that_are_too_old_are_deleted_after_a_new_one(job: Job) -> None:
    job.add(14 * DAY + 120, "cathouse-old.dump")
    job.add(15 * DAY, "cathouse-interrupted.dump.partial")
    kept = job.add(14 * DAY - 120, "cathouse-kept.dump")
    other = job.add(90 * DAY, "notes.txt")
    assert job.run("once").returncode == 0
    assert len(job.dumps) == 2
    assert kept in job.dumps
    assert other.exists()
    assert not list(job.folder.glob("*.partial"))


@pytest.mark.parametrize(
    ("program", "source"),
    [
        ("pg_dump", "exit 1"),
        # Its table of contents is complete, so `pg_restore --list` would accept it.
        (
            "pg_dump",
            'file=${2#--file=}; PATH=${PATH#*:}; pg_dump "$@"; truncate --size=-2000 "$file"',
        ),
    ],
    ids=["failed", "incomplete"],
)
def test_a_failed_backup_deletes_nothing_and_records_no_success(
    job: Job, program: str, source: str
) -> None:
    old = job.add(90 * DAY, "cathouse-old.dump")
    job.replace(program, source)
    assert job.run("once").returncode != 0
    assert job.dumps == [old]
    assert not (job.folder / "backup.prom").exists()


def test_a_day_has_one_backup(job: Job) -> None:
    job.replace("sleep", 'kill "$PPID"')  # ends the script after its first round
    job.run()
    (first,) = job.dumps
    job.run()
    assert job.dumps == [first]
    os.utime(first, (time.time() - DAY, time.time() - DAY))
    first.rename(job.folder / "cathouse-first.dump")  # names have seconds, which may be the same
    job.run()
    assert len(job.dumps) == 2


def test_a_failed_attempt_is_repeated_and_names_the_reason(job: Job) -> None:
    job.replace("pg_dump", 'echo "connection refused" >&2; exit 1')
    job.replace("sleep", 'kill "$PPID"')
    said = job.run().stderr
    assert "connection refused" in said
    assert "the next attempt is in 10 minutes" in said


def test_arguments_contain_no_password(job: Job, tmp_path: Path) -> None:
    job.replace("pg_dump", f'echo "$@" >{tmp_path}/arguments; exit 1')
    job.run("once")
    password = (tmp_path / "password").read_text().strip()
    assert password not in (tmp_path / "arguments").read_text()


def test_the_superuser_of_compose_is_that_of_the_secrets() -> None:
    assert f"PGUSER: {SUPERUSER} " in (ROOT / "compose.yaml").read_text()
