"""A port on the loopback address that stays the same after a restart."""

import socket
import sys
from pathlib import Path

from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.files import write_public

ADDRESS = "127.0.0.1"

# These are lower than the ports of outgoing connections, which begin at 32768 on Linux and at 49152 on macOS. An
# outgoing connection can therefore not occupy the port at the next start.
_CANDIDATES = range(20000, 32000)
_ATTEMPTS = 200


def remembered_port(file: Path) -> int:
    """Return the port in the file if it is free. Otherwise choose another one and write it into the file."""
    remembered = read_port(file)
    if remembered is not None and _is_free(remembered):
        return remembered
    port = free_port()
    if remembered is not None:
        print(
            f"port {remembered} of PostgreSQL is in use by another program: using {port} from now on",
            file=sys.stderr,
        )
    write_public(file, f"{port}\n")
    return port


def read_port(file: Path) -> int | None:
    """Return the port in the file, or None when the file is missing or contains no port."""
    try:
        port = int(file.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None
    return port if 0 < port < 65536 else None


def running_port(data: Path) -> int | None:
    """Return the port of the server of this data folder, or None when no server runs or it is not ready.

    The server itself writes `postmaster.pid`. A connection while it starts would write an error into its log.
    """
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return int(lines[3]) if lines[7].strip() == "ready" else None
    except (FileNotFoundError, NotADirectoryError, ValueError, IndexError):
        return None


def free_port() -> int:
    """Return a free port. Raises `PostgresToolError` when 200 attempts find none."""
    from random import sample  # slow to import, and needed only at the first start

    for port in sample(_CANDIDATES, _ATTEMPTS):
        if _is_free(port):
            return port
    raise PostgresToolError(
        f"no free port on {ADDRESS}: {_ATTEMPTS} ports from {_CANDIDATES.start} to"
        f" {_CANDIDATES.stop} are in use: stop some of the programs that use them"
    )


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        # PostgreSQL sets the same option, so connections of the previous run that are still closing do not matter.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((ADDRESS, port))
        except OSError:
            return False
    return True
