"""The account that runs the server. PostgreSQL refuses to run as root.

The owner of the data folder runs the cluster, so a cluster always runs as it was created:

- If an ordinary user owns the folder, this user runs the cluster, also when root starts it.
- If root owns the folder, the cluster runs in a user namespace. The files of root belong to `nobody` there, so the
  server can also open folders that are closed to all other accounts.

A new cluster uses a namespace if the machine allows one. Otherwise it belongs to an ordinary account.
"""

import os
import pwd
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cathouse_postgres.errors import PostgresToolError

_UNPRIVILEGED = ("postgres", "nobody")
_NAMESPACE = ("--user", "--map-user=65534", "--map-group=65534", "--")


@dataclass(frozen=True, slots=True)
class Account:
    """A prefix of commands that starts them under the account, and the ids of the account."""

    prefix: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None

    def own(self, path: Path) -> None:
        """Change the owner of a file or folder to the account, so the server can read it."""
        if self.owner is not None:
            os.chown(path, *self.owner)


def choose_account(binaries: Path, state_folder: Path, data: Path | None) -> Account:
    """Return the account that runs the cluster in `data`, or that creates a new one when `data` is None.

    Raises `PostgresToolError` when no account can open both the programs and the state folder.
    """
    if os.geteuid() != 0:
        return Account()

    owner = data.stat() if data is not None else None
    if owner is None:
        candidates = [_namespace(), *(_ordinary(name) for name in _UNPRIVILEGED)]
    elif owner.st_uid == 0:
        candidates = [_namespace()]
    else:
        candidates = [_switched(owner.st_uid, owner.st_gid)]
    for account in candidates:
        if account and _reaches(account, binaries, state_folder):
            return account

    if owner is not None and owner.st_uid == 0:
        raise PostgresToolError(
            f"{data} belongs to root and needs a user namespace, which this machine refuses:"
            f" change its owner ({shlex.join(['chown', '-R', 'nobody', str(data)])}),"
            " then start again"
        )
    raise PostgresToolError(
        "PostgreSQL refuses to run as root, this machine refuses user namespaces, and no ordinary"
        f" account can open both {binaries} and {state_folder}: run this as an ordinary user,"
        " or open these folders and their parent folders for all accounts (chmod o+x)"
    )


def _namespace() -> Account | None:
    program = shutil.which("unshare")
    return Account((program, *_NAMESPACE)) if program else None


def _ordinary(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return _switched(entry.pw_uid, entry.pw_gid)


def _switched(uid: int, gid: int) -> Account | None:
    program = shutil.which("setpriv")
    if program is None:
        return None
    return Account(
        (program, f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--"), (uid, gid)
    )


def _reaches(account: Account, binaries: Path, state_folder: Path) -> bool:
    attempts: tuple[Sequence[str | Path], ...] = (
        (binaries / "postgres", "--version"),
        ("test", "-x", state_folder),
    )
    return all(
        subprocess.run(  # noqa: S603 - no shell, and no input of other users
            [*account.prefix, *attempt], capture_output=True, check=False, cwd="/"
        ).returncode
        == 0
        for attempt in attempts
    )
