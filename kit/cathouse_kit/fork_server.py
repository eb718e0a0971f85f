"""Start Python programs faster, as forks of a process that has imported the large libraries but no code of the project.

The imports are two thirds of a service's start. In the development stack, all services share one fork server.
`CATHOUSE_FORK_SERVER` is then the path of its socket. Elsewhere, a program that needs a fork server starts one. The
system reads some variables, such as `LD_PRELOAD`, only when a program starts. Forks have the server's values of these.

`python -m cathouse_kit.fork_server listen PATH` runs the server. `python -m cathouse_kit.fork_server run MODULE
ARGUMENT…` is a faster `python -m MODULE ARGUMENT…`.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from cathouse_kit.left_out import leave_out_unused_parts

VARIABLE = "CATHOUSE_FORK_SERVER"
_LIBRARIES = (
    "asyncpg",
    "cryptography.hazmat.primitives.serialization",
    "fastapi.openapi.docs",
    "httptools",
    "httpx",
    "jwt",
    "limits.aio.strategies",
    "loguru",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "prometheus_client",
    "pydantic_settings",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.ext.asyncio",
    "stamina",
    "starlette.middleware.cors",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
)
_NUMBER = struct.Struct("!i")
_STANDARD_STREAMS = (0, 1, 2)
_PARENT_CHECK_SECONDS = 1.0
# The exit status of a fork after its server has ended.
_UNKNOWN = 255


class ForkServer:
    """A client of the fork server of the stack. Without one, it starts a server that lives as long as this object."""

    def __init__(self) -> None:
        self._path = os.environ.get(VARIABLE)
        if not self._path:
            self._own, theirs = socket.socketpair()
            with theirs:
                command = [sys.executable, "-m", "cathouse_kit.fork_server", "serve"]
                subprocess.Popen(  # noqa: S603 - this module
                    [*command, str(theirs.fileno())], pass_fds=[theirs.fileno()]
                )

    def run(self, module: str, *arguments: str) -> "Fork":
        """Start `python -m MODULE ARGUMENT…`, with this process's environment, folder and standard streams.

        Raises `OSError` if the server does not respond.
        """
        if self._path:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(self._path)
        else:
            connection, theirs = socket.socketpair()
            with theirs:
                socket.send_fds(self._own, [b"\0"], [theirs.fileno()])
        return Fork(connection, [module, *arguments])


class Fork:
    """A process that the server has forked. It is killed when this process ends for any reason."""

    def __init__(self, connection: socket.socket, arguments: Sequence[str]) -> None:
        request = json.dumps(
            {
                "arguments": arguments,
                "environment": dict(os.environ),
                "folder": os.getcwd(),
                "path": sys.path,
            }
        ).encode()
        socket.send_fds(connection, [_NUMBER.pack(len(request))], _STANDARD_STREAMS)
        connection.sendall(request)
        self._connection = connection
        self._exit_status: int | None = None
        pid = self._receive()
        if pid is None:
            raise ConnectionError("the fork server has ended")
        self.pid = pid

    def wait(self, seconds: float | None = None) -> int | None:
        """Return the exit status, negative after a signal, or None if the process still runs after `seconds`."""
        if self._exit_status is None and select.select([self._connection], [], [], seconds)[0]:
            status = self._receive()
            self._exit_status = _UNKNOWN if status is None else status
        return self._exit_status

    def kill(self, sig: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.wait(0) is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def _receive(self) -> int | None:
        answer = self._connection.recv(_NUMBER.size, socket.MSG_WAITALL)
        return _NUMBER.unpack(answer)[0] if len(answer) == _NUMBER.size else None


def main() -> None:
    """Run the server, or the program in a fork."""
    parent = os.getppid()
    command, argument, *arguments = sys.argv[1:]
    if command == "run":
        forks = ForkServer()
        sys.exit(shell_status(forks.run(argument, *arguments).wait() or 0))
    server = _listen(Path(argument)) if command == "listen" else socket.socket(fileno=int(argument))
    # Ctrl-C is meant for the programs that use the server.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_out_unused_parts()
    # Garbage collections during the imports free almost nothing, and cost a fifth of the time.
    gc.disable()
    for library in _LIBRARIES:
        importlib.import_module(library)
    gc.collect()
    gc.freeze()
    gc.enable()
    connection = _serve(server, parent)
    if connection is not None:
        server.close()
        module = _become(connection)
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def shell_status(status: int) -> int:
    """Return an exit status as shells report it: 128 plus the number of a signal."""
    return 128 - status if status < 0 else status


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    server.bind(str(path))
    os.umask(mask)
    server.listen()
    print(f"listens on {path}", flush=True)
    return server


def _serve(server: socket.socket, parent: int) -> socket.socket | None:
    """Fork for each connection, and return the connection in the fork.

    Return None in the server after its only user, or the process that started it, has ended.
    """
    forks: dict[int, socket.socket] = {}
    ended, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        readable, _, _ = select.select([server, ended], [], [], _PARENT_CHECK_SECONDS)
        if os.getppid() != parent:
            return None
        if ended in readable:
            ended.recv(4096)
            for pid, status in _ended():
                with forks.pop(pid) as connection, contextlib.suppress(OSError):
                    connection.sendall(_NUMBER.pack(status))
        if server not in readable:
            continue
        request = _next(server)
        if request is None:
            return None
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for other in (ended, wake, *forks.values()):
                other.close()
            return request
        forks[pid] = request


def _next(server: socket.socket) -> socket.socket | None:
    if server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return server.accept()[0]
    _, descriptors, _, _ = socket.recv_fds(server, 1, 1)
    return socket.socket(fileno=descriptors[0]) if descriptors else None


def _ended() -> Iterator[tuple[int, int]]:
    with contextlib.suppress(ChildProcessError):
        while (child := os.waitpid(-1, os.WNOHANG))[0]:
            yield child[0], os.waitstatus_to_exitcode(child[1])


def _become(connection: socket.socket) -> str:
    """Adopt the environment, folder and streams of the requesting process, and return the module to run."""
    # A signal to the server's process group must not reach the forks.
    os.setpgid(0, 0)
    length, descriptors, _, _ = socket.recv_fds(connection, _NUMBER.size, len(_STANDARD_STREAMS))
    for descriptor, stream in zip(descriptors, _STANDARD_STREAMS, strict=True):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    request = json.loads(connection.recv(_NUMBER.unpack(length)[0], socket.MSG_WAITALL))
    threading.Thread(target=_die_with, args=(connection,), daemon=True).start()
    connection.sendall(_NUMBER.pack(os.getpid()))
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.path[:] = request["path"]
    module: str
    module, *arguments = request["arguments"]
    sys.argv = [module, *arguments]
    # Import the kit again, because it may have changed.
    for name in [name for name in sys.modules if name.partition(".")[0] == __package__]:
        del sys.modules[name]
    return module


def _die_with(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
