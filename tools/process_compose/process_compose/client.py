"""The commands that talk to a running project over its control socket."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from process_compose.errors import UserError
from process_compose.sockets import nearby

_COLUMNS = {
    "PID": "pid",
    "NAME": "name",
    "NAMESPACE": "namespace",
    "STATUS": "status",
    "AGE": "system_time",
    "HEALTH": "is_ready",
    "RESTARTS": "restarts",
    "EXITCODE": "exit_code",
}


def down(socket: Path) -> None:
    """Stop the project. Return when every process has ended and the socket is free again."""
    for _ in _ask(socket, {"do": "down"}):
        pass


def restart(socket: Path, name: str) -> None:
    list(_ask(socket, {"do": "restart", "name": name}))
    print(f"{name} restarted")


def start(socket: Path, name: str) -> None:
    list(_ask(socket, {"do": "start", "name": name}))
    print(f"{name} is started")


def stop(socket: Path, names: list[str]) -> None:
    for name in names:
        list(_ask(socket, {"do": "stop", "name": name}))
        print(f"{name} is stopped")


def show_list(socket: Path, output: str) -> None:
    """Print the processes. `output` is "json", "wide" for a table, or "" for only the names."""
    (response,) = _ask(socket, {"do": "list"})
    states = sorted(response["processes"], key=lambda state: str(state["name"]))
    if output == "json":
        print(json.dumps(states, indent="\t"))
    elif output == "wide":
        print(_table(states))
    else:
        print("\n".join(state["name"] for state in states))


def logs(socket: Path, names: list[str], *, tail: int | None, follow: bool) -> None:
    request = {"do": "logs", "names": names, "tail": tail, "follow": follow}
    for message in _ask(socket, request):
        prefix = f"[{message['process']}] " if len(names) > 1 else ""
        print(f"{prefix}{message['line']}", flush=follow)


def _table(states: list[dict[str, Any]]) -> str:
    rows = [list(_COLUMNS)]
    for state in states:
        shown = state | {"namespace": ",".join(state["namespace"])}
        rows.append([str(shown[key]) for key in _COLUMNS.values()])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "   ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _ask(path: Path, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Send a request and yield each line of the response.

    Raises UserError when the project reports an error, and when no project runs there.
    """
    try:
        with nearby(path) as (sock, address):
            sock.connect(address)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
        raise UserError(f"no project runs at {path}: start one with `up`") from error
    except OSError as error:
        raise UserError(
            f"cannot connect to the control socket {path}: {error.strerror or error}"
        ) from error
    with sock, sock.makefile("rwb") as stream:
        try:
            stream.write(json.dumps(request).encode() + b"\n")
            stream.flush()
            for line in stream:
                message: dict[str, Any] = json.loads(line)
                if "error" in message:
                    raise UserError(message["error"])
                yield message
        except ConnectionError as error:
            raise UserError(f"the project at {path} ended before it responded") from error
