"""Serving with reload, for development: one process watches the sources, another answers.

The one that answers is forked from a server process that has imported the large libraries, and nothing of the
project, so that a change is answered in a third of the time of a fresh start.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.util import cache_from_source
from multiprocessing.process import BaseProcess
from pathlib import Path

from watchfiles import PythonFilter, watch

# What a module of the project that does not even import ends its process with.
_FAILED_IMPORT = 1

_PRELOADED = [
    "asyncpg",
    "cryptography.hazmat.primitives.serialization",
    "fastapi.openapi.docs",
    "httptools",
    "httpx",
    "jwt",
    "loguru",
    "prometheus_client",
    "pydantic_settings",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.ext.asyncio",
    "stamina",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
]


# The longest that a child may take to end; one that hangs in the code at hand must not keep its mending out.
_END_SECONDS = 25.0


def serve_with_reload(
    target: Callable[[str], None], package: str, folders: Sequence[Path], files: Sequence[Path]
) -> int:
    """Runs `target(package)` in a process of its own, anew after each change of Python files below `folders`, or of one
    of `files`, which need not exist.

    Returns the exit status: 0 after SIGTERM or SIGINT, else that of a child which ended by itself. A child that could
    not import the project's code, or whose settings are wrong (`EX_CONFIG`), is not the end: the log says why, and the
    next change is waited for, because the same start would fail again.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    stop = threading.Event()
    for sig in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sig, lambda *_: stop.set())

    def start() -> BaseProcess:
        child = context.Process(target=target, args=(package,), name=package)
        child.start()
        return child

    child, waiting = start(), False
    before = _states(files)
    for changes in watch(
        *folders,
        watch_filter=PythonFilter(),
        stop_event=stop,
        debounce=200,
        step=50,
        rust_timeout=200,
        yield_on_timeout=True,
        raise_interrupt=False,
    ):
        # Looked at again and again, because an editor which replaces a file takes it away from who watches it.
        now = _states(files)
        names = {Path(path).name for _, path in changes}
        names |= {file.name for file in files if now[file] != before[file]}
        before = now
        if names:
            print(
                f"{', '.join(sorted(names))} changed: starting again", file=sys.stderr, flush=True
            )
            _end(child)
            for _, path in changes:
                # Bytecode is known by its source's size and second: two quick changes can look like one.
                Path(cache_from_source(path)).unlink(missing_ok=True)
            child, waiting = start(), False
        elif child.exitcode == os.EX_CONFIG and not waiting:
            waiting = True
            print(
                f"{package} waits for a change of {', '.join(map(str, files))} or of its sources",
                file=sys.stderr,
                flush=True,
            )
        elif child.exitcode not in (None, _FAILED_IMPORT, os.EX_CONFIG):
            return _status(child.exitcode)
    _end(child)
    return os.EX_OK


def _states(files: Sequence[Path]) -> dict[Path, tuple[int, int] | None]:
    states: dict[Path, tuple[int, int] | None] = {}
    for file in files:
        try:
            status = file.stat()
            states[file] = (status.st_ino, status.st_mtime_ns)
        except FileNotFoundError:
            states[file] = None
    return states


def _end(child: BaseProcess) -> None:
    child.terminate()
    child.join(_END_SECONDS)
    child.kill()
    child.join()


def _status(exitcode: int | None) -> int:
    # A shell's way of telling a death by signal.
    return 128 - exitcode if exitcode is not None and exitcode < 0 else exitcode or os.EX_OK
