"""Unix sockets at long paths. The address of a socket is limited to about 100 bytes."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def nearby(path: Path) -> Iterator[tuple[socket.socket, str]]:
    """Yield a new Unix socket, and the address of `path` relative to its folder.

    The folder is the working directory meanwhile, so its path may have any length. Raises OSError
    when the folder cannot be entered.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.chdir(path.parent):
            yield sock, path.name
    except BaseException:
        sock.close()
        raise
