import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cathouse_dashboard.collect.runner import Runner, RunnerError

AUTH = {
    "name": "auth",
    "status": "Running",
    "is_ready": "Ready",
    "restarts": 1,
    "exit_code": 0,
    "pid": 7,
    "is_running": True,
    "more": "of a later version",
}
Answer = Callable[[bytes], bytes]


@asynccontextmanager
async def served(path: Path, answer: Answer) -> AsyncIterator[None]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        writer.write(answer(line))
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(serve, str(path))
    async with server:
        yield


class Ours:
    """The control socket of tools/process_compose."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __call__(self, line: bytes) -> bytes:
        request = json.loads(line)
        self.asked.append(request)
        answer = {"processes": [AUTH]} if request["do"] == "list" else {}
        return json.dumps(answer).encode() + b"\n"


class Theirs:
    """The control socket of the Go program: HTTP."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, line: bytes) -> bytes:
        if line.startswith(b"{"):
            return b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
        method, path, _ = line.decode().split(" ")
        self.asked.append(f"{method} {path}")
        body = json.dumps({"data": [AUTH]} if path == "/processes" else {"name": "auth"}).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
            len(body),
            body,
        )


async def test_our_runner_is_asked_by_lines(tmp_path: Path) -> None:
    ours = Ours()
    async with served(tmp_path / "socket", ours):
        runner = Runner(tmp_path / "socket")
        (state,) = await runner.processes()
        assert (state.name, state.status, state.pid, state.kind) == ("auth", "Running", 7, "good")
        await runner.act("stop", "auth")
    assert ours.asked[-1] == {"do": "stop", "name": "auth"}


async def test_the_go_program_is_asked_by_http(tmp_path: Path) -> None:
    theirs = Theirs()
    async with served(tmp_path / "socket", theirs):
        runner = Runner(tmp_path / "socket")
        assert [state.name for state in await runner.processes()] == ["auth"]
        await runner.act("restart", "auth")
        await runner.act("stop", "auth")
        await runner.act("start", "auth")
    assert [asked for asked in theirs.asked if asked != "GET /processes"] == [
        "POST /process/restart/auth",
        "PATCH /process/stop/auth",
        "POST /process/start/auth",
    ]


async def test_an_unknown_process_is_not_passed_on(tmp_path: Path) -> None:
    ours = Ours()
    async with served(tmp_path / "socket", ours):
        with pytest.raises(RunnerError, match=r"no process '\.\./x'"):
            await Runner(tmp_path / "socket").act("stop", "../x")
    assert [request["do"] for request in ours.asked] == ["list"]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not json\n",
        b"[]\n",
        b'{"error": "the project is stopping"}\n',
        b'{"processes": [{}]}\n',
    ],
)
async def test_an_answer_that_is_none_is_an_error_in_one_line(
    tmp_path: Path, answer: bytes
) -> None:
    async with served(tmp_path / "socket", lambda line: answer):
        with pytest.raises(RunnerError):
            await Runner(tmp_path / "socket").processes()


async def test_without_a_runner_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="make up"):
        await Runner(tmp_path / "socket").processes()
