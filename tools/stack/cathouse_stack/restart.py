"""Restart one service of the running stack, and wait until it is ready."""

import subprocess
import time
from collections.abc import Sequence

from cathouse_stack.errors import StackError
from cathouse_stack.ports import Endpoint
from cathouse_stack.status import statuses

_READY_SECONDS = 60.0
_POLL_SECONDS = 0.1


def restart(
    endpoint: Endpoint, command: Sequence[str], *, seconds: float = _READY_SECONDS
) -> float:
    """Run `command` with the name of the service added. Return the seconds until a new process is ready.

    Raises `StackError` when the command fails, or when no new process is ready within `seconds`.
    """
    name = endpoint.service.name
    began = time.monotonic()
    (before,) = statuses([endpoint])
    done = subprocess.run([*command, name], capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode != 0:
        raise StackError(f"cannot restart {name}: {(done.stderr or done.stdout).strip()}")
    while True:
        (now,) = statuses([endpoint])
        waited = time.monotonic() - began
        if now.ready and now.started != before.started:
            return waited
        if waited > seconds:
            raise StackError(
                f"{name} is not ready after {waited:.0f} s ({now.state}). "
                f"Read the reason in its log: make logs SERVICE={name}"
            )
        time.sleep(_POLL_SECONDS)
