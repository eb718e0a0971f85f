import json
import time
from typing import Any

from ..running import RunningProject, is_alive, wait_until

STACK = """
    processes:
      server:
        command: |
          trap 'echo server stopped >> events; exit 0' TERM
          echo $BASHPID >> pids
          echo server started | tee -a events
          sleep 60 & wait
        shutdown: {timeout_seconds: 5}
      job:
        command: echo first; echo second; echo job >> events; exit 4
      off:
        command: echo off >> events
        disabled: true
"""


def _states(project: RunningProject) -> dict[str, dict[str, Any]]:
    result = project.run_command("list", "-o", "json")
    return {state["name"]: state for state in json.loads(result.stdout or "[]")}


def _start(project: RunningProject) -> None:
    project.up(STACK)
    project.wait_for("server started", "job")
    wait_until(
        lambda: _states(project).get("job", {}).get("status") == "Completed", "the end of job"
    )


def test_list_shows_every_process_and_its_state(project: RunningProject) -> None:
    _start(project)
    assert project.run_command("process", "list").stdout.splitlines() == ["job", "off", "server"]
    states = _states(project)
    assert {name: (state["status"], state["exit_code"]) for name, state in states.items()} == {
        "server": ("Running", 0),
        "job": ("Completed", 4),
        "off": ("Disabled", 0),
    }
    assert states["server"]["pid"] == project.pids()[0]
    table = project.run_command("list", "-o", "wide").stdout.splitlines()
    assert table[0].split() == [
        *("PID", "NAME", "NAMESPACE", "STATUS", "AGE", "HEALTH", "RESTARTS", "EXITCODE")
    ]
    assert [line.split()[1] for line in table[1:]] == ["job", "off", "server"]


def test_list_shows_the_health_of_a_process_with_a_probe(project: RunningProject) -> None:
    project.up("""
        processes:
          server:
            command: sleep 60
            readiness_probe:
              exec: {command: test -e ready}
              period_seconds: 1
              failure_threshold: 100
            shutdown: {timeout_seconds: 5}
    """)
    wait_until(
        lambda: _states(project).get("server", {}).get("is_ready") == "Not Ready", "not ready"
    )
    (project.folder / "ready").touch()
    wait_until(lambda: _states(project)["server"]["is_ready"] == "Ready", "ready")
    project.stop()


def test_down_stops_everything(project: RunningProject) -> None:
    _start(project)
    assert project.run_command("down").returncode == 0
    assert project.exit_status() == 0
    assert project.events()[-1] == "server stopped"
    assert not any(map(is_alive, project.pids()))
    assert not (project.folder / "control.sock").exists()


def test_restart_replaces_one_process(project: RunningProject) -> None:
    _start(project)
    # The Go program sometimes fails with "no such process" when a process ends this fast. A second attempt succeeds.
    wait_until(
        lambda: project.run_command("process", "restart", "server").returncode == 0, "the restart"
    )
    project.wait_for_count("server started", 2)
    assert [event for event in project.events() if event != "job"] == [
        "server started",
        "server stopped",
        "server started",
    ]
    first, second = project.pids()
    assert not is_alive(first)
    assert is_alive(second)
    assert project.stop() == 0


def test_restart_starts_a_process_that_has_ended_or_is_disabled(project: RunningProject) -> None:
    _start(project)
    assert project.run_command("process", "restart", "job").returncode == 0
    project.wait_for_count("job", 2)
    assert project.run_command("process", "restart", "off").returncode == 0
    project.wait_for("off")
    assert project.stop() == 0


def test_a_stopped_process_stays_stopped_until_it_is_started(project: RunningProject) -> None:
    project.up("""
        processes:
          server:
            command: |
              trap 'echo stopped >> events; exit 0' TERM
              echo $BASHPID >> pids
              echo started | tee -a events
              sleep 60 & wait
            availability: {restart: always, backoff_seconds: 1}
            shutdown: {timeout_seconds: 5}
          other: {command: sleep 60, shutdown: {timeout_seconds: 5}}
    """)
    project.wait_for("started")
    assert project.run_command("process", "stop", "server").returncode == 0
    project.wait_for("stopped")
    wait_until(lambda: _states(project)["server"]["status"] == "Completed", "the end of server")
    # slow on purpose: longer than the pause of its restart policy
    time.sleep(1.5)
    assert project.events() == ["started", "stopped"]
    assert project.run_command("process", "start", "server").returncode == 0
    project.wait_for_count("started", 2)
    assert project.run_command("process", "stop", "nobody").returncode != 0
    assert project.stop() == 0


def test_restart_of_an_unknown_process_fails(project: RunningProject) -> None:
    _start(project)
    assert project.run_command("process", "restart", "nobody").returncode != 0
    assert project.stop() == 0


def test_logs_shows_the_last_lines_of_a_process(project: RunningProject) -> None:
    _start(project)
    assert project.run_command("process", "logs", "job").stdout.splitlines() == ["first", "second"]
    assert project.run_command("process", "logs", "job", "--tail", "1").stdout.splitlines() == [
        "second"
    ]
    assert project.stop() == 0


def test_commands_fail_when_no_project_runs(project: RunningProject) -> None:
    for command in (["down"], ["list"], ["process", "restart", "a"], ["process", "logs", "a"]):
        assert project.run_command(*command).returncode != 0, command


def test_the_socket_of_a_killed_program_does_not_prevent_the_next_start(
    project: RunningProject,
) -> None:
    project.up("processes: {job: {command: echo $BASHPID >> pids; sleep 60}}")
    wait_until(lambda: bool(project.pids()), "the start")
    project.stop(9)
    assert (project.folder / "control.sock").exists()
    _start(project)
    assert project.stop() == 0


def test_a_second_project_on_a_live_socket_is_refused(project: RunningProject) -> None:
    _start(project)
    second = project.run_command("up", "-t=false", "--disable-dotenv", "-f", "stack.yaml")
    assert second.returncode != 0
    assert project.events().count("server started") == 1
    assert project.stop() == 0
