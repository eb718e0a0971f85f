"""The output on a terminal: prefixes, colours, Ctrl-C, and the short forms of the commands."""

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from .running import DEADLINE_SECONDS, RunningProject, is_alive, wait_until

TWO = """
processes:
  web: {command: echo hello}
  database: {command: printf unfinished}
"""


def _run_on_terminal(folder: Path, keys: bytes, **environment: str) -> tuple[str, int]:
    """Run `up` in a new terminal and type `keys` after `started` appears.

    Return the output and the exit status.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        environ = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
        command = [sys.executable, "-m", "process_compose", "up", "-f", "stack.yaml"]
        os.execve(sys.executable, command, environ | {"TERM": "xterm"} | environment)
    watchdog = threading.Timer(DEADLINE_SECONDS, os.kill, (pid, signal.SIGKILL))
    watchdog.start()
    shown = b""
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
        if keys and b"started" in shown:
            os.write(terminal, keys)
            keys = b""
    _, status = os.waitpid(pid, 0)
    watchdog.cancel()
    os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(status)


def test_prefixes_are_aligned_and_a_last_part_line_is_shown(project: RunningProject) -> None:
    project.up(TWO)
    assert project.exit_status() == 0
    assert sorted(project.output().splitlines()) == ["[database] unfinished", "[web     ] hello"]


def test_each_process_has_its_own_colour_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text(TWO)
    shown, status = _run_on_terminal(tmp_path, b"")
    assert status == 0
    colours = dict(re.findall(r"\x1b\[(\d+)m\[(\w+) *\]\x1b\[0m ", shown))
    assert sorted(colours.values()) == ["database", "web"]


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_turned_off(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "stack.yaml").write_text(TWO)
    shown, _ = _run_on_terminal(tmp_path, b"", **environment)
    assert "[web     ] hello" in shown
    assert "\x1b" not in shown


def test_ctrl_c_stops_everything_in_order(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text("""
ordered_shutdown: true
processes:
  web:
    command: trap 'echo web stopped; exit 0' TERM; echo started; sleep 60 & wait
    depends_on: {database: {condition: process_log_ready}}
    shutdown: {timeout_seconds: 5}
  database:
    command: trap 'echo database stopped; exit 0' TERM; echo ready; sleep 60 & wait
    ready_log_line: ready
    shutdown: {timeout_seconds: 5}
""")
    shown, status = _run_on_terminal(tmp_path, b"\x03", NO_COLOR="1")
    assert status == 0
    assert "process-compose-python: received SIGINT: stopping every process" in shown
    assert shown.index("web stopped") < shown.index("database stopped")


def test_a_closed_output_pipe_ends_the_project(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text("""
processes:
  chatty:
    command: echo $BASHPID > pid; while true; do echo line; sleep 0.05; done
    shutdown: {timeout_seconds: 5}
""")
    up = subprocess.Popen(
        [sys.executable, "-m", "process_compose", "up", "-f", "stack.yaml"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert up.stdout is not None
    assert up.stderr is not None
    assert up.stdout.readline() == b"[chatty] line\n"
    up.stdout.close()
    assert up.wait(DEADLINE_SECONDS) == 0
    assert up.stderr.read() == b""
    up.stderr.close()
    assert not is_alive(int((tmp_path / "pid").read_text()))


def test_the_short_commands_do_what_the_long_ones_do(project: RunningProject) -> None:
    project.up("""
        processes:
          server:
            command: echo started | tee -a events; sleep 60
            shutdown: {timeout_seconds: 5}
          other: {command: echo other; sleep 60, shutdown: {timeout_seconds: 5}}
    """)
    project.wait_for("started")
    wait_until(
        lambda: project.run_command("logs", "other").stdout == "other\n", "the line of other"
    )
    assert project.run_command("ps").stdout.splitlines()[0].startswith("PID")
    assert project.run_command("restart", "server").stdout == "server restarted\n"
    project.wait_for_count("started", 2)
    logs = project.run_command("logs", "server,other")
    assert logs.stdout == "[server] started\n[server] started\n[other] other\n"
    unknown = project.run_command("restart", "nobody")
    assert (unknown.returncode, unknown.stderr) == (
        1,
        "process-compose-python: no process 'nobody': use one of server, other\n",
    )
    assert project.run_command("down").returncode == 0
    assert project.exit_status() == 0


def test_logs_follows_until_the_project_ends(project: RunningProject) -> None:
    project.up("""
        processes:
          server:
            command: echo first; until test -e go; do sleep 0.05; done; echo second; sleep 60
            shutdown: {timeout_seconds: 5}
    """)
    wait_until(lambda: project.run_command("logs", "server").stdout == "first\n", "the first line")
    following = subprocess.Popen(
        [
            *(sys.executable, "-m", "process_compose"),
            *("logs", "--follow", "server", "-u", "control.sock"),
        ],
        cwd=project.folder,
        stdout=subprocess.PIPE,
    )
    assert following.stdout is not None
    assert following.stdout.readline() == b"first\n"
    (project.folder / "go").touch()
    assert following.stdout.readline() == b"second\n"
    project.stop()
    assert following.wait(DEADLINE_SECONDS) == 0
    following.stdout.close()


def test_only_the_owner_can_use_the_socket_and_its_path_may_be_long(
    runner: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "a folder with an é" / ("x" * 120)
    folder.mkdir(parents=True)
    project = RunningProject(runner, folder)
    try:
        project.up("processes: {a: {command: echo started >> events; sleep 60}}")
        project.wait_for("started")
        assert (folder / "control.sock").stat().st_mode & 0o777 == 0o600
        absolute = subprocess.run(
            [*runner, "list", "-u", str(folder / "control.sock")],
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        assert absolute.stdout == "a\n"
        assert project.stop() == 0
    finally:
        project.close()


def test_a_second_project_does_not_touch_the_log_files_of_the_first(
    project: RunningProject,
) -> None:
    project.up("""
        processes:
          a: {command: echo line; echo started >> events; sleep 60, log_location: a.log}
    """)
    project.wait_for("started")
    wait_until(lambda: "line" in (project.folder / "a.log").read_text(), "the line in the file")
    second = project.run_command("up", "-f", "stack.yaml")
    assert second.returncode == 1
    assert "a project already runs at control.sock: stop it with `down`" in second.stderr
    assert "line" in (project.folder / "a.log").read_text()
    project.stop()
