"""Addresses of Unix sockets, which may be no longer than about a hundred bytes."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def nearby(path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A new Unix socket, and the address of `path` as seen from inside its folder.

    The working directory is that folder meanwhile, so that the length of the folder's path does
    not matter. Raises OSError when the folder cannot be entered.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.chdir(path.parent):
            yield sock, path.name
    except BaseException:
        sock.close()
        raise
