import time

import pytest

from ..running import RunningProject


def test_the_policy_decides_whether_a_process_runs_again(project: RunningProject) -> None:
    runs = {
        ("no", 1): 1,
        ("on_failure", 0): 1,
        ("on_failure", 1): 2,
        ("always", 0): 2,
        ("always", 1): 2,
        ("exit_on_failure", 0): 1,
    }
    processes = "".join(
        f"""
          {policy}-{status}:
            command: echo $PC_PROC_NAME >> events; exit {status}
            availability: {{restart: {policy}, max_restarts: 1}}"""
        for policy, status in runs
    )
    project.up(f"""
        processes:{processes}
    """)
    assert project.exit_status() == 0
    events = project.events()
    assert {case: events.count("{}-{}".format(*case)) for case in runs} == runs


def test_a_process_killed_by_a_signal_has_failed(project: RunningProject) -> None:
    project.up("""
        processes:
          job:
            command: echo run >> events; kill -9 $BASHPID
            availability: {restart: on_failure, max_restarts: 1}
    """)
    assert project.exit_status() == 0
    assert project.events() == ["run", "run"]


def test_the_backoff_passes_between_two_runs(project: RunningProject) -> None:
    project.up("""
        processes:
          job:
            command: date +%s%N >> events; exit 1
            availability: {restart: on_failure, max_restarts: 1, backoff_seconds: 2}
    """)
    assert project.exit_status() == 0
    first, second = map(int, project.events())
    assert second - first >= 2_000_000_000


def test_dependents_of_completion_wait_for_the_last_run(project: RunningProject) -> None:
    project.up("""
        processes:
          after:
            command: echo after >> events
            depends_on: {job: {condition: process_completed_successfully}}
          job:
            command: echo run >> events; test "$(wc -l < events)" -ge 2
            availability: {restart: on_failure}
    """)
    assert project.exit_status() == 0
    assert project.events() == ["run", "run", "after"]


def test_exit_on_failure_stops_everything_and_gives_its_status(project: RunningProject) -> None:
    project.up("""
        processes:
          job:
            command: echo job >> events; exit 7
            availability: {restart: exit_on_failure}
            depends_on: {server: {condition: process_log_ready}}
          server:
            command: |
              trap 'echo server stopped >> events; exit 0' TERM
              echo listening
              sleep 60 & wait
            ready_log_line: listening
            shutdown: {timeout_seconds: 5}
          never:
            command: echo never >> events
            depends_on: {job: {condition: process_completed_successfully}}
    """)
    assert project.exit_status() == 7
    assert project.events() == ["job", "server stopped"]


def test_exit_on_failure_does_not_stop_anything_after_a_success(project: RunningProject) -> None:
    project.up("""
        processes:
          job:
            command: echo job >> events
            availability: {restart: exit_on_failure}
          after:
            command: echo after >> events
            depends_on: {job: {condition: process_completed_successfully}}
    """)
    assert project.exit_status() == 0
    assert project.events() == ["job", "after"]


def test_a_failure_without_exit_on_failure_leaves_the_status_at_zero(
    project: RunningProject,
) -> None:
    project.up("""
        processes:
          job: {command: exit 7}
          other: {command: sleep 0.2; echo other >> events}
    """)
    assert project.exit_status() == 0
    assert project.events() == ["other"]


@pytest.mark.parametrize("status", [0, 5])
def test_exit_on_end_stops_everything_with_the_status_of_that_process(
    project: RunningProject, status: int
) -> None:
    project.up(f"""
        processes:
          job:
            command: exit {status}
            availability: {{exit_on_end: true}}
            depends_on: {{server: {{condition: process_started}}}}
          server:
            command: sleep 60
            shutdown: {{timeout_seconds: 5}}
    """)
    assert project.exit_status() == status


def test_exit_on_skipped_stops_everything_with_status_one(project: RunningProject) -> None:
    project.up("""
        processes:
          job: {command: exit 7}
          after:
            command: "true"
            availability: {exit_on_skipped: true}
            depends_on: {job: {condition: process_completed_successfully}}
          server:
            command: sleep 60
            shutdown: {timeout_seconds: 5}
    """)
    assert project.exit_status() == 1


def test_a_stop_ends_the_wait_for_the_next_run(project: RunningProject) -> None:
    project.up("""
        processes:
          job:
            command: echo run >> events; exit 1
            availability: {restart: always, backoff_seconds: 60}
    """)
    project.wait_for("run")
    before = time.monotonic()
    assert project.stop() == 0
    assert time.monotonic() - before < 15
    assert project.events() == ["run"]
