"""Under which account the server runs: PostgreSQL refuses to run as root.

One rule decides, so that a cluster is always run as it was made: who owns the data folder runs it.
A folder of an ordinary user is that user's, also when root starts it. A folder of root's is run in
a user namespace, where root's own files belong to `nobody` and which therefore reaches folders that
are closed to everyone else. A new cluster gets the namespace if this machine allows one, and else
belongs to an ordinary account.
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
    """How to start a program of the server."""

    prefix: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None

    def own(self, path: Path) -> None:
        """Hands a file or folder that the server must read over to the account."""
        if self.owner is not None:
            os.chown(path, *self.owner)


def choose_account(binaries: Path, state_folder: Path, data: Path | None) -> Account:
    """The account that runs the cluster in `data`, or that may make a new one (`data` is None).

    Raises `PostgresToolError` when there is none that reaches both the programs and the state
    folder.
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
            f" hand it to an ordinary account ({shlex.join(['chown', '-R', 'nobody', str(data)])})"
            " and start it again"
        )
    raise PostgresToolError(
        "PostgreSQL does not run as root, user namespaces are refused here, and no ordinary account"
        f" reaches both {binaries} and {state_folder}: run this as an ordinary user,"
        " or let everyone pass those folders and the ones above them (chmod o+x)"
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
        subprocess.run(  # noqa: S603 - no shell, and no word of it is a stranger's
            [*account.prefix, *attempt], capture_output=True, check=False, cwd="/"
        ).returncode
        == 0
        for attempt in attempts
    )
