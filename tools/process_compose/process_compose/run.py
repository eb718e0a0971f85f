"""The `up` command: run a project with its control socket, and stop it on signals."""

import asyncio
import contextlib
import shutil
import signal
from pathlib import Path

from process_compose.config import ProjectConfig
from process_compose.control import ControlSocket
from process_compose.errors import UserError, notice
from process_compose.project import Project


def run(config: ProjectConfig, *, socket: Path | None, ordered_shutdown: bool) -> int:
    """Run the project until every process has ended. Return its exit status.

    SIGINT, SIGTERM and SIGHUP stop the project, and a second signal kills it. Raises UserError when
    the project cannot start.
    """
    if shutil.which(config.shell.shell_command) is None:
        raise UserError(
            f"the shell {config.shell.shell_command!r} is not installed: "
            "install it, or set shell.shell_command to another shell"
        )
    return asyncio.run(_run(config, socket, ordered_shutdown))


async def _run(config: ProjectConfig, socket: Path | None, ordered_shutdown: bool) -> int:
    with contextlib.ExitStack() as stack:
        control = None
        if socket is not None:
            control = stack.enter_context(contextlib.closing(ControlSocket(socket)))
        project = Project(config, ordered_shutdown=ordered_shutdown)
        _stop_on_signals(project)
        if control is not None:
            await control.serve(project)
        return await project.run()


def _stop_on_signals(project: Project) -> None:
    def on_signal(number: signal.Signals) -> None:
        if project.stopping:
            notice(f"received {number.name} again: killing the remaining processes")
            project.kill()
        else:
            notice(f"received {number.name}: stopping every process")
            project.stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
