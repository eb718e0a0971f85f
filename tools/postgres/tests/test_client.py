import os
import subprocess
import sys
from pathlib import Path

from cathouse_postgres.files import write_secret


def psql(state: Path, path: Path | str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cathouse_postgres", "psql", "catalog"],
        env={
            "PATH": str(path),
            "STATE_DIR": str(state),
            # With an external server, psql comes from the PATH.
            "POSTGRES_URL": "postgresql://admin:secret@db.example/postgres",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_password_is_in_no_list_of_processes(tmp_path: Path) -> None:
    program = tmp_path / "bin/psql"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\nprint(os.environ['PGPASSWORD'], *sys.argv[1:])\n"
    )
    program.chmod(0o755)
    url = "postgresql://catalog:a%40b@db.example:5433/cathouse?sslmode=require"
    write_secret(tmp_path / "state/secrets/catalog/database_url", url)
    result = psql(tmp_path / "state", program.parent)
    assert result.stdout == "a@b postgresql://catalog@db.example:5433/cathouse?sslmode=require\n"


def test_a_missing_role_is_reported_in_one_line(tmp_path: Path) -> None:
    result = psql(tmp_path, os.environ["PATH"])
    assert result.returncode == 1
    assert result.stderr.startswith("cathouse-postgres: ")
    assert result.stderr.endswith("start the stack (make up), which creates the role catalog\n")


def test_a_missing_psql_is_reported_in_one_line(tmp_path: Path) -> None:
    write_secret(tmp_path / "secrets/catalog/database_url", "postgresql://catalog:x@db.example/c")
    result = psql(tmp_path, tmp_path)
    assert result.returncode == 1
    assert result.stderr == (
        "cathouse-postgres: psql is not on the PATH: install the client programs of PostgreSQL\n"
    )
