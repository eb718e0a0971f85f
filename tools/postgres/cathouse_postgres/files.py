"""Small files that are written completely or not at all, and locks on files."""

import fcntl
import os
import time
from pathlib import Path

from cathouse_postgres.errors import PostgresToolError

_DEAD_HOLDER_SECONDS = 30.0


def write_secret(path: Path, content: str) -> None:
    """Write a file that only its owner can read, in a folder that only its owner can open."""
    path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.parent.chmod(0o700)
    write_whole(path, content, 0o600)


def write_public(path: Path, content: str) -> None:
    write_whole(path, content, 0o644)


def write_whole(path: Path, content: str, mode: int) -> None:
    """Write a temporary file and rename it to `path`, so no reader sees an incomplete file."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def read_secret(path: Path) -> str | None:
    """Return the content, or None when the file does not exist. Remove read permissions of other accounts."""
    try:
        content = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return content


def lock_or_refuse(path: Path) -> int:
    """Lock the file for this process, also after `exec`, and write the process id into it.

    The kernel releases the lock when the last process that inherited the descriptor has ended. A crash or a reused
    process id therefore leaves no lock. If the holder has died, wait up to 30 seconds for its children to end. Raises
    `PostgresToolError` with the process id of the holder.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _DEAD_HOLDER_SECONDS
    while not _locked(descriptor):
        holder = os.pread(descriptor, 32, 0).decode().strip()
        if _alive(holder) or time.monotonic() > deadline:
            raise PostgresToolError(
                f"the server of {path.parent} already runs, as process {holder}:"
                f" use this server, or stop it with kill -INT {holder}"
            )
        time.sleep(0.02)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def lock_and_wait(path: Path) -> int:
    """Wait for the lock of the file, and hold it until the returned descriptor is closed."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass  # the process lives and belongs to another account
    return True
