"""No descendant of a process survives it. With the Go program, some of these descendants survive."""

import signal

import pytest

from .running import RunningProject, is_alive, wait_until


def test_the_group_of_a_crashed_process_is_cleared_before_it_runs_again(
    project: RunningProject,
) -> None:
    project.up("""
        processes:
          server:
            command: |
              trap '' TERM
              sleep 60 &
              echo $! >> pids
              echo run >> events
              kill -9 $BASHPID
            availability: {restart: on_failure, max_restarts: 1}
    """)
    project.wait_for_count("run", 2)
    assert not is_alive(project.pids()[0])
    assert project.exit_status() == 0
    assert not any(map(is_alive, project.pids()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_descendants_in_their_own_session_are_killed_at_the_end(
    project: RunningProject, number: signal.Signals
) -> None:
    project.up("""
        processes:
          server:
            command: |
              setsid bash -c 'trap "" TERM INT; echo $BASHPID >> pids; sleep 60; sleep 60' &
              wait
            shutdown: {timeout_seconds: 2}
    """)
    wait_until(lambda: bool(project.pids()), "the session")
    assert project.stop(number) == 0
    assert not any(map(is_alive, project.pids()))


def test_children_that_ignore_the_signal_are_killed_after_their_parent_has_stopped(
    project: RunningProject,
) -> None:
    project.up("""
        processes:
          server:
            command: |
              bash -c 'trap "" TERM; echo $BASHPID >> pids; while true; do sleep 0.1; done' &
              wait
            shutdown: {timeout_seconds: 1}
    """)
    wait_until(lambda: bool(project.pids()), "the child")
    assert project.stop() == 0
    assert not any(map(is_alive, project.pids()))


def test_a_second_signal_kills_the_remaining_processes(project: RunningProject) -> None:
    project.up("""
        processes:
          stubborn:
            command: |
              trap 'echo signalled >> events' TERM
              echo $BASHPID >> pids
              while true; do sleep 0.1; done
    """)
    wait_until(lambda: bool(project.pids()), "the start")
    project.send(signal.SIGINT)
    project.wait_for("signalled")
    assert project.stop(signal.SIGINT) == 0
    assert not any(map(is_alive, project.pids()))


def test_after_a_failed_shutdown_command_the_process_is_killed(project: RunningProject) -> None:
    project.up("""
        processes:
          server:
            command: echo $BASHPID >> pids; sleep 60
            shutdown: {command: exit 3, timeout_seconds: 10}
    """)
    wait_until(lambda: bool(project.pids()), "the start")
    assert project.stop() == 0
    assert "its shutdown command exited with 3" in project.output()


def test_a_process_that_is_stopped_does_not_decide_the_exit_status(
    project: RunningProject,
) -> None:
    project.up("""
        processes:
          server:
            command: echo started >> events; sleep 60
            availability: {restart: exit_on_failure}
            shutdown: {timeout_seconds: 5}
    """)
    project.wait_for("started")
    assert project.stop() == 0


def test_the_first_failure_decides_the_exit_status(project: RunningProject) -> None:
    project.up("""
        processes:
          job:
            command: exit 7
            availability: {restart: exit_on_failure}
            depends_on: {server: {condition: process_log_ready}}
          server:
            command: trap 'exit 9' TERM; echo listening; sleep 60 & wait
            ready_log_line: listening
            availability: {restart: exit_on_failure}
            shutdown: {timeout_seconds: 5}
    """)
    assert project.exit_status() == 7


def test_a_dependent_of_a_skipped_process_is_skipped(project: RunningProject) -> None:
    project.up("""
        processes:
          job: {command: exit 1}
          skipped:
            command: "true"
            depends_on: {job: {condition: process_completed_successfully}}
          last:
            command: echo last >> events
            depends_on: {skipped: {condition: process_started}}
    """)
    assert project.exit_status() == 0
    assert project.events() == []
    assert "last is skipped: skipped did not reach process_started" in project.output()
