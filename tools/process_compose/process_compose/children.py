"""Child processes. Each one leads its own process group, and its exit status is always collected."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_PR_SET_CHILD_SUBREAPER = 36
_GROUP_POLL_SECONDS = 0.02
_PIPE_DRAIN_SECONDS = 1.0
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Child:
    """A started process. `ended` gives its exit status, or -1 when a signal ended it.

    process-compose reports the same -1, and derives the exit status of a project from it.
    """

    pid: int
    ended: asyncio.Future[int]
    drained: asyncio.Future[None]

    def signal(self, number: int) -> None:
        """Send a signal to the process only."""
        with suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, number)

    def signal_group(self, number: int) -> None:
        """Send a signal to the process and to the descendants that are still in its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def wait(self, seconds: float | None) -> bool:
        """Wait for the end of the process. Return False when it still runs after `seconds`."""
        done, _ = await asyncio.wait([self.ended], timeout=seconds)
        return bool(done)

    async def clear_group(self, seconds: float) -> None:
        """Wait up to `seconds` for the rest of the group to end, then kill it."""
        if not await self._group_empties(seconds):
            self.signal_group(signal.SIGKILL)
            await self._group_empties(_PIPE_DRAIN_SECONDS)

    async def _group_empties(self, seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._group_exists():
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(_GROUP_POLL_SECONDS)
        return True

    def _group_exists(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True


OnLine = Callable[[str, str], None]
"""Called with each line, without its line break, and the stream: "stdout" or "stderr"."""


class Children:
    """Starts children and collects their exit statuses. Use one per event loop, in the main thread.

    On Linux the runner also becomes the parent of orphaned descendants. `kill_adopted` then finds
    even those that left their group.
    """

    def __init__(self) -> None:
        self._running: dict[int, tuple[subprocess.Popen[bytes], asyncio.Future[int]]] = {}
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._collect)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    async def start(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        working_dir: str | None,
        on_line: OnLine | None,
    ) -> Child:
        """Start a program. Without `on_line` its output is discarded. Raises OSError."""
        stream = subprocess.DEVNULL if on_line is None else subprocess.PIPE
        popen = subprocess.Popen(  # noqa: ASYNC220, S603 - the configuration contains shell commands
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=environment,
            cwd=working_dir,
            process_group=0,
        )
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[int] = loop.create_future()
        self._running[popen.pid] = (popen, ended)
        readers = []
        if on_line is not None and popen.stdout is not None and popen.stderr is not None:
            readers = [
                await _Lines.read(popen.stdout, "stdout", on_line),
                await _Lines.read(popen.stderr, "stderr", on_line),
            ]
        drained = asyncio.ensure_future(_drain(ended, readers))
        return Child(popen.pid, ended, drained)

    async def kill_adopted(self) -> None:
        """Kill every remaining child, in any group and any session. Linux only."""
        deadline = asyncio.get_running_loop().time() + _PIPE_DRAIN_SECONDS
        while (pids := _children_of_this_process()) and (
            asyncio.get_running_loop().time() < deadline
        ):
            for pid in pids:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(_GROUP_POLL_SECONDS)

    def _collect(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._running:
                popen, ended = self._running.pop(pid)
                popen.returncode = os.waitstatus_to_exitcode(status)
                if not ended.done():
                    ended.set_result(popen.returncode if popen.returncode >= 0 else -1)


def _children_of_this_process() -> list[int]:
    pids: list[int] = []
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            pids.extend(int(pid) for pid in task.read_text().split())
    return pids


async def _drain(ended: asyncio.Future[int], readers: list["_Lines"]) -> None:
    """Return when all output has been read.

    Other processes may keep the pipes open. They are closed shortly after the child has ended.
    """
    closed = [reader.closed for reader in readers]
    if not closed:
        return
    await asyncio.wait([ended])
    await asyncio.wait(closed, timeout=_PIPE_DRAIN_SECONDS)
    for reader in readers:
        reader.close()


class _Lines(asyncio.Protocol):
    """Splits bytes into lines. Invalid UTF-8 is replaced. A last line without a line break is kept."""

    def __init__(self, stream: str, on_line: OnLine) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stream = stream
        self._on_line = on_line
        self._rest = bytearray()
        self._transport: asyncio.BaseTransport | None = None

    @classmethod
    async def read(cls, pipe: IO[bytes], stream: str, on_line: OnLine) -> "_Lines":
        loop = asyncio.get_running_loop()
        _, lines = await loop.connect_read_pipe(lambda: cls(stream, on_line), pipe)
        return lines

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._emit(self._rest + line)
            self._rest = bytearray()
        self._rest += rest
        if len(self._rest) > _LONGEST_LINE:
            self._emit(self._rest)
            self._rest = bytearray()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._rest:
            self._emit(self._rest)
        if not self.closed.done():
            self.closed.set_result(None)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _emit(self, line: bytes | bytearray) -> None:
        self._on_line(line.decode("utf-8", errors="replace"), self._stream)
