"""Reload for development: one process watches the sources, and another one serves.

The serving process is a fork of the fork server. After a change, it starts in a third of the time of a new process.
"""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib.util import cache_from_source
from pathlib import Path

from watchfiles import PythonFilter, watch

from cathouse_kit.fork_server import Fork, ForkServer, shell_status

# The exit status if a module of the project cannot be imported.
_FAILED_IMPORT = 1
# The time in which a child must end. A child with code that hangs must not block the start with the fixed code.
_END_SECONDS = 25.0


def serve_with_reload(package: str, folders: Sequence[Path], files: Sequence[Path]) -> int:
    """Run `python -m PACKAGE serve` in a child process, and restart it after each change.

    Changes of Python files below `folders`, and of `files`, cause a restart; `files` need not exist. Return the exit
    status: 0 after SIGTERM or SIGINT, otherwise that of a child that ended by itself. If a child cannot import the
    project's code, or its settings are wrong (`EX_CONFIG`), wait for the next change: the same start would fail again.
    """
    forks = ForkServer()
    stop = threading.Event()
    for sig in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sig, lambda *_: stop.set())

    def start() -> Fork:
        return forks.run(package, "serve")

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
        # Polled, because a watch on a file ends when an editor replaces the file.
        now = _states(files)
        names = {Path(path).name for _, path in changes}
        names |= {file.name for file in files if now[file] != before[file]}
        before = now
        if names:
            print(f"{', '.join(sorted(names))} changed: restarting", file=sys.stderr, flush=True)
            _end(child)
            for _, path in changes:
                # Bytecode is matched to its source by size and second, so a second quick change can be missed.
                Path(cache_from_source(path)).unlink(missing_ok=True)
            child, waiting = start(), False
        elif (status := child.wait(0)) == os.EX_CONFIG and not waiting:
            waiting = True
            print(
                f"{package} waits for a change of {', '.join(map(str, files))} or of its sources",
                file=sys.stderr,
                flush=True,
            )
        elif status is not None and status not in (_FAILED_IMPORT, os.EX_CONFIG):
            return shell_status(status)
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


def _end(child: Fork) -> None:
    child.kill(signal.SIGTERM)
    if child.wait(_END_SECONDS) is None:
        child.kill(signal.SIGKILL)
        child.wait()
