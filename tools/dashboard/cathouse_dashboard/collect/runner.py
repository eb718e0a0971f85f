"""The runner's control interface: that of tools/process_compose, and that of the Go program process-compose.

Both listen on one Unix socket. Ours speaks JSON, one object a line. The Go program speaks HTTP.
"""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx

Action = Literal["start", "stop", "restart"]
ACTIONS: tuple[Action, ...] = ("start", "stop", "restart")
_SECONDS = 2.0
# A service may take its whole grace to stop.
_ACTION_SECONDS = 40.0
_MAX_LINE = 1024 * 1024
_PATHS = {"start": ("POST", "start"), "stop": ("PATCH", "stop"), "restart": ("POST", "restart")}


class RunnerError(Exception):
    """The runner does not respond, or refuses. The message says why."""


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process as the runner sees it, in the words that both programs use."""

    name: str
    status: str
    ready: str
    """`Ready`, `Not Ready`, or `-` for a process without a probe."""
    restarts: int
    exit_code: int
    pid: int
    running: bool

    @property
    def kind(self) -> str:
        """`good`, `waiting`, `bad` or `off`: how the page colours it."""
        if self.status == "Running":
            return "waiting" if self.ready == "Not Ready" else "good"
        if self.status in ("Pending", "Launching", "Launched", "Restarting", "Terminating"):
            return "waiting"
        if self.status == "Completed" and self.exit_code == 0:
            return "off"
        return "off" if self.status == "Disabled" else "bad"


class Runner:
    """Asks the runner at `socket`."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._speaks_http = False
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(socket)), base_url="http://runner"
        )

    async def processes(self) -> list[ProcessState]:
        """Return the state of each process, by name. Raises `RunnerError`."""
        answer = await self._ask({"do": "list"}, "GET", "/processes", _SECONDS)
        states = answer.get("processes", answer.get("data", []))
        try:
            return sorted(map(_state, states), key=lambda state: state.name)
        except (KeyError, TypeError, ValueError) as error:
            raise RunnerError(f"the runner's list is of another version: {error!r}") from None

    async def act(self, action: Action, name: str) -> None:
        """Start, stop or restart a process. Raises `RunnerError`, also for an unknown name."""
        if name not in {state.name for state in await self.processes()}:
            raise RunnerError(f"there is no process {name!r}")
        method, word = _PATHS[action]
        await self._ask(
            {"do": action, "name": name}, method, f"/process/{word}/{name}", _ACTION_SECONDS
        )

    async def _ask(
        self, request: dict[str, str], method: str, path: str, seconds: float
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(seconds):
                if not self._speaks_http:
                    line = await self._ask_by_line(request)
                    self._speaks_http = line.startswith(b"HTTP/")
                    if not self._speaks_http:
                        return _result(json.loads(line))
                return await self._ask_by_http(method, path, seconds)
        except FileNotFoundError:
            raise RunnerError(
                f"{self._socket} is absent: the stack was not started by make up"
            ) from None
        except (OSError, ValueError, httpx.HTTPError) as error:
            reason = str(error) or type(error).__name__
            raise RunnerError(f"the runner at {self._socket} does not answer: {reason}") from None

    async def _ask_by_line(self, request: dict[str, str]) -> bytes:
        reader, writer = await asyncio.open_unix_connection(str(self._socket), limit=_MAX_LINE)
        try:
            writer.write(json.dumps(request).encode() + b"\n")
            await writer.drain()
            return await reader.readline()
        finally:
            writer.close()

    async def _ask_by_http(self, method: str, path: str, seconds: float) -> dict[str, Any]:
        return _result((await self._client.request(method, path, timeout=seconds)).json())

    async def close(self) -> None:
        await self._client.aclose()


def _result(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise RunnerError("the runner's answer is of another version")
    if "error" in answer:
        raise RunnerError(str(answer["error"]))
    return answer


def _state(state: dict[str, Any]) -> ProcessState:
    return ProcessState(
        name=str(state["name"]),
        status=str(state["status"]),
        ready=str(state["is_ready"]),
        restarts=int(state["restarts"]),
        exit_code=int(state["exit_code"]),
        pid=int(state["pid"]),
        running=bool(state["is_running"]),
    )
