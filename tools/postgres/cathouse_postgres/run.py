"""`cathouse-postgres run`: becomes the server, or stands in for an outside one."""

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
    """Replaces this process by the server of the state folder, which is made first if it is absent.

    So the process id stays, and SIGINT asks PostgreSQL itself for a fast shutdown. Raises
    `PostgresToolError`.
    """
    state = settings.state
    binaries = find_binaries(settings.binaries)
    exists = cluster_exists(state.data)
    if exists and not state.superuser_password.exists():
        raise PostgresToolError(
            f"{state.superuser_password} is gone, and without it no roles can be made in"
            f" {state.data}: put it back, or move that folder away and start again"
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
    os.execv(command[0], command)  # noqa: S606 - the command is ours, and no shell is wanted


def _create(state: State, binaries: Path, account: Account, lock: int) -> None:
    from cathouse_postgres.scram import new_password

    signal.signal(signal.SIGTERM, _leave)
    password = new_password()
    write_secret(state.superuser_password, password)
    # initdb inherits the lock: should this process be killed, the next one waits until initdb is
    # gone too.
    create_cluster(state.data, password, binaries, account, pass_fds=(lock,))


def _leave(signal_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + signal_number)
