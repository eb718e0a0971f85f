import signal

import pytest

from ..running import RunningProject, is_alive, wait_until

ALL_SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])


@ALL_SIGNALS
def test_a_signal_stops_dependents_before_their_dependencies(
    project: RunningProject, number: signal.Signals
) -> None:
    script = """|
              trap 'sleep 0.2; echo $PC_PROC_NAME stopped >> events; exit 0' TERM
              echo $PC_PROC_NAME listening | tee -a events
              sleep 60 & wait"""
    project.up(f"""
        ordered_shutdown: true
        processes:
          proxy:
            command: {script}
            depends_on: {{service: {{condition: process_log_ready}}}}
            shutdown: {{timeout_seconds: 10}}
          service:
            command: {script}
            depends_on: {{database: {{condition: process_log_ready}}}}
            ready_log_line: listening
            shutdown: {{timeout_seconds: 10}}
          database:
            command: {script}
            ready_log_line: listening
            shutdown: {{timeout_seconds: 10}}
    """)
    project.wait_for("proxy listening")
    assert project.stop(number) == 0
    assert project.events()[3:] == ["proxy stopped", "service stopped", "database stopped"]


def test_the_flag_orders_the_shutdown_too(project: RunningProject) -> None:
    project.up(
        """
        processes:
          service:
            command: |
              trap 'sleep 0.3; echo service stopped >> events; exit 0' TERM
              echo service started >> events
              sleep 60 & wait
            depends_on: {database: {condition: process_log_ready}}
            shutdown: {timeout_seconds: 10}
          database:
            command: |
              trap 'echo database stopped >> events; exit 0' TERM
              echo listening
              sleep 60 & wait
            ready_log_line: listening
            shutdown: {timeout_seconds: 10}
        """,
        "--ordered-shutdown",
    )
    project.wait_for("service started")
    assert project.stop() == 0
    assert project.events() == ["service started", "service stopped", "database stopped"]


def test_children_of_children_are_stopped_too(project: RunningProject) -> None:
    project.up("""
        processes:
          server:
            command: |
              echo $BASHPID >> pids
              bash -c 'echo $BASHPID >> pids; sleep 60 & echo $! >> pids; wait' &
              wait
            shutdown: {timeout_seconds: 5}
    """)
    wait_until(lambda: len(project.pids()) == 3, "three processes")
    assert project.stop() == 0
    wait_until(lambda: not any(map(is_alive, project.pids())), "the end of all three")


def test_a_process_that_does_not_stop_in_time_is_killed_with_its_children(
    project: RunningProject,
) -> None:
    project.up("""
        processes:
          stubborn:
            command: |
              trap 'echo signalled >> events' TERM
              echo $BASHPID >> pids
              bash -c 'trap "" TERM; echo $BASHPID >> pids; while true; do sleep 0.1; done' &
              while true; do sleep 0.1; done
            shutdown: {timeout_seconds: 1}
    """)
    wait_until(lambda: len(project.pids()) == 2, "both processes")
    assert project.stop() == 0
    assert project.events() == ["signalled"]
    wait_until(lambda: not any(map(is_alive, project.pids())), "the end of both")


def test_a_process_may_use_its_time_limit_to_stop(project: RunningProject) -> None:
    project.up("""
        processes:
          slow:
            command: |
              trap 'sleep 1.5; echo finished >> events; exit 0' TERM
              echo started >> events
              sleep 60 & wait
            shutdown: {timeout_seconds: 10}
    """)
    project.wait_for("started")
    assert project.stop() == 0
    assert project.events() == ["started", "finished"]


def test_each_process_can_have_its_own_stop_signal(project: RunningProject) -> None:
    project.up("""
        processes:
          postgres:
            command: |
              trap 'echo fast >> events; exit 0' INT
              trap 'echo smart >> events; exit 0' TERM
              echo started >> events
              while true; do sleep 0.05; done
            shutdown: {signal: 2, timeout_seconds: 5}
    """)
    project.wait_for("started")
    assert project.stop() == 0
    assert project.events() == ["started", "fast"]


def test_parent_only_leaves_the_children_to_the_process(project: RunningProject) -> None:
    project.up("""
        processes:
          server:
            command: |
              bash -c 'trap "echo child signalled >> events" TERM
                       echo started >> events
                       while test ! -e enough; do sleep 0.05; done' &
              trap 'echo parent signalled >> events; touch enough; wait; exit 0' TERM
              wait
            shutdown: {parent_only: true, timeout_seconds: 10}
    """)
    project.wait_for("started")
    assert project.stop() == 0
    assert project.events() == ["started", "parent signalled"]


def test_a_shutdown_command_replaces_the_signal(project: RunningProject) -> None:
    project.up("""
        processes:
          server:
            command: |
              trap 'echo signalled >> events' TERM
              echo started >> events
              while test ! -e enough; do sleep 0.05; done
              echo finished >> events
            environment: [MARK=enough]
            shutdown: {command: touch $MARK, timeout_seconds: 10}
    """)
    project.wait_for("started")
    assert project.stop() == 0
    assert project.events() == ["started", "finished"]


def test_a_process_that_waits_for_a_dependency_does_not_start_after_a_stop(
    project: RunningProject,
) -> None:
    project.up("""
        ordered_shutdown: true
        processes:
          after:
            command: echo after >> events
            depends_on: {job: {condition: process_completed}}
          job:
            command: echo job >> events; sleep 60
            shutdown: {timeout_seconds: 5}
    """)
    project.wait_for("job")
    assert project.stop() == 0
    assert project.events() == ["job"]


def test_a_restart_policy_does_not_outlive_the_stop(project: RunningProject) -> None:
    project.up("""
        processes:
          server:
            command: echo started >> events; sleep 60
            availability: {restart: always}
            shutdown: {timeout_seconds: 5}
    """)
    project.wait_for("started")
    assert project.stop() == 0
    assert project.events() == ["started"]
