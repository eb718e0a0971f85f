"""`cathouse-postgres run`: become the server of the state folder."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from cathouse_postgres.account import Account, choose_account
from cathouse_postgres.binaries import find_binaries
from cathouse_postgres.cluster import (
    cluster_exists,
    create_cluster,
    forget_stale_process,
    server_command,
)
from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.files import lock_or_refuse, write_secret
from cathouse_postgres.ports import remembered_port
from cathouse_postgres.settings import Settings, State


def become_server(settings: Settings) -> NoReturn:
    """Create the cluster if there is none, and replace this process with the server.

    The server has the same process id, so SIGINT reaches PostgreSQL itself and starts a fast shutdown. Raises
    `PostgresToolError`.
    """
    state = settings.state
    binaries = find_binaries(settings.binaries)
    exists = cluster_exists(state.data)
    if exists and not state.superuser_password.exists():
        raise PostgresToolError(
            f"{state.superuser_password} is missing, and roles cannot be created in {state.data} without it:"
            f" restore the file, or move the folder {state.data} to another place and start again"
        )
    state.folder.mkdir(parents=True, exist_ok=True)
    lock = lock_or_refuse(state.lock)
    account = choose_account(binaries, state.folder, state.data if exists else None)
    if not exists:
        _create(state, binaries, account, lock)
    forget_stale_process(state.data)
    command = server_command(state.data, remembered_port(state.port), binaries, account, {})
    os.set_inheritable(lock, True)
    os.chdir("/")
    os.execv(command[0], command)  # noqa: S606 - no shell, and no input of other users


def _create(state: State, binaries: Path, account: Account, lock: int) -> None:
    from cathouse_postgres.scram import new_password

    signal.signal(signal.SIGTERM, _leave)
    password = new_password()
    write_secret(state.superuser_password, password)
    # initdb inherits the lock. If this process is killed, the next one also waits for the end of initdb.
    create_cluster(state.data, password, binaries, account, pass_fds=(lock,))


def _leave(signal_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + signal_number)
