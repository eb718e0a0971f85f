"""The control socket of a running project. Both directions carry one JSON object a line.

A request is `{"do": "list" | "down" | "restart" | "start" | "stop" | "logs", ...}`. Each line of the
response has the requested data, or `error` with one line of text. Only the owner of the socket may use it.
"""

import asyncio
import fcntl
import json
import os
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from process_compose.errors import UserError
from process_compose.process import Process
from process_compose.project import Project
from process_compose.sockets import nearby


class ControlSocket:
    """Reserves a path at once, so a second project there is refused before it starts anything."""

    def __init__(self, path: Path) -> None:
        """Listen at `path`. Raises UserError when a project runs there, or the path is not usable."""
        self._path = path
        self._socket = _listen(path)

    async def serve(self, project: Project) -> None:
        """Respond to requests about `project` until the event loop ends."""
        await asyncio.start_unix_server(_Requests(project).respond, sock=self._socket)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        self._socket.close()


class _Requests:
    def __init__(self, project: Project) -> None:
        self._project = project

    async def respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The end of the project cancels this task. The connection closes, and `down` then returns.
        with suppress(ConnectionError, asyncio.CancelledError):
            try:
                await self._serve(json.loads(await reader.readline()), reader, writer)
            except UserError as error:
                await _send(writer, {"error": str(error)})
            except (ValueError, KeyError, TypeError):
                await _send(
                    writer,
                    {
                        "error": "the project was started by another version of this program: "
                        "stop it and start it again"
                    },
                )
        writer.close()

    async def _serve(
        self, request: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        match request["do"]:
            case "list":
                states = [_state(process) for process in self._project.processes.values()]
                await _send(writer, {"processes": states})
            case "restart":
                await self._project.restart(request["name"])
                await _send(writer, {})
            case "start":
                self._project.start(request["name"])
                await _send(writer, {})
            case "stop":
                await self._project.stop_process(request["name"])
                await _send(writer, {})
            case "logs":
                await self._send_logs(request, reader, writer)
            case "down":
                self._project.stop()
                await reader.read()
            case unknown:
                raise UserError(f"unknown request {unknown!r}: use list, restart, logs or down")

    async def _send_logs(
        self, request: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        processes = [self._project.find(name) for name in request["names"]]
        for process in processes:
            for line in process.journal.last(request["tail"]):
                writer.write(_encoded({"process": process.name, "line": line}))
        await writer.drain()
        if not request["follow"]:
            return
        endings = [
            process.journal.listen(
                lambda line, name=process.name: writer.write(  # type: ignore[misc]
                    _encoded({"process": name, "line": line})
                )
            )
            for process in processes
        ]
        try:
            await reader.read()
        finally:
            for end in endings:
                end()


def _listen(path: Path) -> socket.socket:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            # Without the lock, two runners that start at the same moment could remove each other's socket.
            fcntl.flock(folder, fcntl.LOCK_EX)
            _clear_stale(path)
            with nearby(path) as (sock, address):
                old_mask = os.umask(0o177)
                try:
                    sock.bind(address)
                finally:
                    os.umask(old_mask)
                sock.listen()
            return sock
        finally:
            os.close(folder)
    except OSError as error:
        raise UserError(
            f"cannot create the control socket {path}: {error.strerror or error}"
        ) from error


def _clear_stale(path: Path) -> None:
    """Remove the socket of a killed runner.

    Raises UserError when a project still listens there, or when the path is not a socket.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise UserError(
            f"control socket {path}: a file that is not a socket exists there: use another path"
        )
    with nearby(path) as (sock, address):
        try:
            sock.connect(address)
        except ConnectionRefusedError:
            os.unlink(address)
        else:
            raise UserError(f"a project already runs at {path}: stop it with `down`")


def _state(process: Process) -> dict[str, Any]:
    """Return the state of a process under the keys that process-compose uses."""
    health = {None: "-", True: "Ready", False: "Not Ready"}[process.healthy]
    age = "-"
    if process.pid and process.started_at is not None:
        age = f"{time.monotonic() - process.started_at:.0f}s"
    return {
        "name": process.name,
        "namespace": [process.config.namespace],
        "status": process.status.value,
        "system_time": age,
        "is_ready": health,
        "restarts": process.restarts,
        "exit_code": process.exit_code,
        "pid": process.pid,
        "is_running": process.pid != 0,
    }


def _encoded(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


async def _send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    writer.write(_encoded(message))
    await writer.drain()
