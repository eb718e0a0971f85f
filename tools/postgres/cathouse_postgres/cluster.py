"""The cluster on disk: its creation, its checks, and the command that runs it."""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cathouse_postgres.account import Account
from cathouse_postgres.binaries import MAJOR
from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.ports import ADDRESS
from cathouse_postgres.settings import SUPERUSER

# The builtin provider sorts and compares text in the same way on every machine, for every version of the C library.
_INITDB_OPTIONS = (
    f"--username={SUPERUSER}",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--data-checksums",
    "--auth-host=scram-sha-256",
    "--auth-local=scram-sha-256",
    "--no-instructions",
)


def cluster_exists(data: Path) -> bool:
    """Return True when the folder contains a cluster of `MAJOR`, and False for an empty or missing folder.

    Raises `PostgresToolError`, without any change, when the folder contains anything else.
    """
    if not data.exists() or (data.is_dir() and not any(data.iterdir())):
        return False
    try:
        version = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        raise PostgresToolError(
            f"{data} is not a data folder of PostgreSQL (it has no PG_VERSION):"
            " move this folder to another place, then start again"
        ) from None
    if version != str(MAJOR):
        move = shlex.join(["mv", str(data), f"{data}-{version}"])
        raise PostgresToolError(
            f"{data} was created by PostgreSQL {version}, and this is PostgreSQL {MAJOR}."
            f" Nothing was changed. To keep the data, dump it with pg_dumpall of PostgreSQL {version}."
            f" Then move the folder ({move}), start again, and restore the dump"
        )
    return True


def create_cluster(
    data: Path,
    superuser_password: str,
    binaries: Path,
    account: Account,
    *,
    sync: bool = True,
    settings: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> None:
    """Create the cluster in a folder next to `data`, and move it to `data` when it is complete.

    `sync=False` does not wait for the disk. `settings` are written into the configuration of the cluster. Raises
    `PostgresToolError` with the error of `initdb`.
    """
    partial = data.with_name(f"{data.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(mode=0o700)
        password_file = partial / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(superuser_password, encoding="ascii")
        account.own(partial)
        account.own(password_file)
        status, output = _run_to_the_end(
            [
                *account.prefix,
                binaries / "initdb",
                *_INITDB_OPTIONS,
                *(() if sync else ("--no-sync",)),
                *(f"--set={name}={value}" for name, value in (settings or {}).items()),
                f"--pwfile={password_file}",
                f"--pgdata={partial / 'data'}",
            ],
            pass_fds,
        )
        if status != 0:
            raise PostgresToolError(f"cannot create the cluster {data}: {_complaint(output)}")
        (partial / "data").rename(data)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _run_to_the_end(command: Sequence[str | Path], pass_fds: Sequence[int]) -> tuple[int, str]:
    """Run a command and return its exit status and output. An interruption also kills its children."""
    with subprocess.Popen(  # noqa: S603 - no shell, and no input of other users
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd="/",
        pass_fds=pass_fds,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()  # the output ends together with the last child
            raise
        return process.returncode, output


def _complaint(output: str) -> str:
    lines = output.strip().splitlines() or ["initdb printed no reason"]
    return next((line for line in lines if "error:" in line or "FATAL:" in line), lines[-1])


def server_command(
    data: Path, port: int, binaries: Path, account: Account, settings: Mapping[str, str]
) -> list[str]:
    """Return the command that runs the server in the foreground, on loopback only, with its log on stderr."""
    fixed = {
        "listen_addresses": ADDRESS,
        "port": str(port),
        "unix_socket_directories": "",
        "logging_collector": "off",
        "log_destination": "stderr",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    options = [f"--{name}={value}" for name, value in {**fixed, **settings}.items()]
    return [*account.prefix, str(binaries / "postgres"), "-D", str(data), *options]


def forget_stale_process(data: Path) -> None:
    """Remove `postmaster.pid` if its process id now belongs to another program.

    PostgreSQL itself replaces the file of a crashed server, but not while any process with this id lives. After a
    reboot or in a restarted container this can be any program. A server has its data folder as working directory.
    """
    file = data / "postmaster.pid"
    try:
        pid = int(file.read_text(encoding="utf-8").splitlines()[0])
        is_server = os.path.samefile(f"/proc/{pid}/cwd", data)
    except (OSError, ValueError, IndexError):
        return
    if not is_server:
        file.unlink()
