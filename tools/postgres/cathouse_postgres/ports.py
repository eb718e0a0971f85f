"""A port on the loopback address that stays the same from one start to the next."""

import socket
import sys
from pathlib import Path

from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.files import write_public

ADDRESS = "127.0.0.1"

# Below the ports that Linux (from 32768) and macOS (from 49152) give to outgoing connections, so
# that none of those sits on the remembered port at the next start.
_CANDIDATES = range(20000, 32000)
_ATTEMPTS = 200


def remembered_port(file: Path) -> int:
    """The port in the file if it is free, else another one, which is then in the file."""
    remembered = read_port(file)
    if remembered is not None and _is_free(remembered):
        return remembered
    port = free_port()
    if remembered is not None:
        print(f"port {remembered} is taken by another program: {port} from now on", file=sys.stderr)
    write_public(file, f"{port}\n")
    return port


def read_port(file: Path) -> int | None:
    """The port in the file, None when the file is absent or holds no port."""
    try:
        port = int(file.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None
    return port if 0 < port < 65536 else None


def running_port(data: Path) -> int | None:
    """The port of the server that runs on this folder, None when none does or it is not ready yet.

    The server itself keeps the file. Asking it over the network while it starts would be refused
    with an error in its log.
    """
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return int(lines[3]) if lines[7].strip() == "ready" else None
    except (FileNotFoundError, NotADirectoryError, ValueError, IndexError):
        return None


def free_port() -> int:
    """A port that nothing listens on."""
    from random import sample  # slow to import, and needed at the first start only

    for port in sample(_CANDIDATES, _ATTEMPTS):
        if _is_free(port):
            return port
    raise PostgresToolError(
        f"no free port on {ADDRESS}: of {_CANDIDATES.start} to {_CANDIDATES.stop},"
        f" {_ATTEMPTS} were tried and are taken; stop what holds them"
    )


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        # As PostgreSQL itself binds: connections of the last run that are still closing do not
        # count.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((ADDRESS, port))
        except OSError:
            return False
    return True
