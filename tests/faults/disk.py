"""A small disk for PostgreSQL, which tests fill."""

import errno
import os
import subprocess
from pathlib import Path

import asyncpg

from ..stack.stack import Stack
from .target import Target

_MEGABYTES = 192
_MOUNT = f"mount -t tmpfs -o size={_MEGABYTES}m,mode=711 tmpfs .state && mkdir .state/logs"
_CHUNK = bytes(1 << 20)


def on_small_disk(stack: Stack) -> None:
    """Have the stack keep its state on a tmpfs, in a mount namespace that ends with it.

    Raises `AssertionError` if this machine does not allow that.
    """
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    stack.prefix = ("unshare", *user, "--mount", "sh", "-c", f'{_MOUNT} && exec "$@"', "sh")
    try:
        subprocess.run(
            [*stack.prefix, "true"], cwd=stack.folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        raise AssertionError(
            f"no tmpfs can be mounted for PostgreSQL's data: {reason}. This trial needs unshare and "
            "mount (util-linux), and root with CAP_SYS_ADMIN or user namespaces "
            "(sysctl user.max_user_namespaces)."
        ) from error


def _take_all_space(ballast: Path) -> None:
    """Write a file that uses all of the free space."""
    with ballast.open("ab", buffering=0) as file:
        size = len(_CHUNK)
        while size:
            try:
                file.write(_CHUNK[:size])
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2


async def fill(target: Target) -> None:
    """Use all of the disk's space. Return when PostgreSQL has failed to write its log.

    A file of the log has 16 MB, and PostgreSQL allocates it before it writes the first byte.
    """
    connection = await asyncpg.connect(target.database_url, timeout=30, command_timeout=30)
    _take_all_space(target.ballast)
    try:
        while True:
            await connection.execute("select pg_logical_emit_message(false, '', '')")
            await connection.execute("select pg_switch_wal()")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()
