import pytest

from ..running import RunningProject, wait_until


def test_a_dependent_starts_after_process_started_without_waiting_for_the_end(
    project: RunningProject,
) -> None:
    project.up("""
        processes:
          web:
            command: echo web >> events
            depends_on: {database: {condition: process_started}}
          database:
            command: sleep 60
            shutdown: {timeout_seconds: 5}
    """)
    project.wait_for("web")
    assert not project.has_ended()
    assert project.stop() == 0


def test_a_dependent_starts_when_the_readiness_probe_succeeds(project: RunningProject) -> None:
    project.up("""
        processes:
          web:
            command: echo web >> events
            depends_on: {database: {condition: process_healthy}}
          database:
            command: sleep 0.5; echo database >> events; touch ready; sleep 60
            readiness_probe: {exec: {command: test -e ready}, period_seconds: 1}
            shutdown: {timeout_seconds: 5}
    """)
    project.wait_for("web")
    assert project.events() == ["database", "web"]
    project.stop()


def test_a_dependent_starts_when_the_ready_line_is_printed(project: RunningProject) -> None:
    project.up("""
        processes:
          web:
            command: echo web >> events
            depends_on: {database: {condition: process_log_ready}}
          database:
            command: sleep 0.3; echo database >> events; echo now listening on 5; sleep 60
            ready_log_line: listening on
            shutdown: {timeout_seconds: 5}
    """)
    project.wait_for("web")
    assert project.events() == ["database", "web"]
    project.stop()


def test_a_ready_line_on_stderr_counts(project: RunningProject) -> None:
    project.up("""
        processes:
          web:
            command: echo web >> events
            depends_on: {database: {condition: process_log_ready}}
          database:
            command: echo listening >&2; sleep 60
            ready_log_line: listening
            shutdown: {timeout_seconds: 5}
    """)
    project.wait_for("web")
    project.stop()


@pytest.mark.parametrize("status", [0, 3])
def test_a_dependent_starts_after_process_completed_with_any_status(
    project: RunningProject, status: int
) -> None:
    project.up(f"""
        processes:
          after:
            command: echo after >> events
            depends_on: {{job: {{condition: process_completed}}}}
          job:
            command: sleep 0.2; echo job >> events; exit {status}
    """)
    assert project.exit_status() == 0
    assert project.events() == ["job", "after"]


def test_a_dependent_starts_after_process_completed_successfully(project: RunningProject) -> None:
    project.up("""
        processes:
          after:
            command: echo after >> events
            depends_on: {job: {condition: process_completed_successfully}}
          job:
            command: sleep 0.2; echo job >> events
    """)
    assert project.exit_status() == 0
    assert project.events() == ["job", "after"]


def test_the_dependents_of_a_failed_job_are_skipped_and_their_dependents_too(
    project: RunningProject,
) -> None:
    project.up("""
        processes:
          last:
            command: echo last >> events
            depends_on: {after: {condition: process_completed_successfully}}
          after:
            command: echo after >> events
            depends_on: {job: {condition: process_completed_successfully}}
          job:
            command: echo job >> events; exit 3
    """)
    assert project.exit_status() == 0
    assert project.events() == ["job"]


def test_a_dependent_of_a_process_that_ends_before_it_is_ready_is_skipped(
    project: RunningProject,
) -> None:
    project.up("""
        processes:
          web:
            command: echo web >> events
            depends_on: {database: {condition: process_healthy}}
          worker:
            command: echo worker >> events
            depends_on: {queue: {condition: process_log_ready}}
          database:
            command: echo database >> events
            readiness_probe: {exec: {command: "false"}}
          queue:
            command: echo queue >> events
            ready_log_line: listening
    """)
    assert project.exit_status() == 0
    assert sorted(project.events()) == ["database", "queue"]


def test_a_process_waits_for_all_of_its_dependencies(project: RunningProject) -> None:
    project.up("""
        processes:
          last:
            command: echo last >> events
            depends_on:
              slow: {condition: process_completed_successfully}
              quick: {condition: process_completed_successfully}
          quick:
            command: echo quick >> events
          slow:
            command: sleep 0.5; echo slow >> events
    """)
    assert project.exit_status() == 0
    assert project.events() == ["quick", "slow", "last"]


def test_a_disabled_process_does_not_start(project: RunningProject) -> None:
    project.up("""
        processes:
          off: {command: echo off >> events, disabled: true}
          on: {command: echo on >> events}
    """)
    assert project.exit_status() == 0
    assert project.events() == ["on"]


def test_the_project_ends_when_its_last_process_has(project: RunningProject) -> None:
    project.up("""
        processes:
          first: {command: "true"}
          second: {command: sleep 0.3; echo second >> events}
    """)
    wait_until(project.has_ended, "the end of the project")
    assert project.events() == ["second"]


@pytest.mark.parametrize(
    ("problem", "configuration"),
    [
        (
            "a cycle",
            """
            processes:
              a: {command: touch started, depends_on: {b: {condition: process_started}}}
              b: {command: touch started, depends_on: {a: {condition: process_started}}}
            """,
        ),
        (
            "an unknown dependency",
            """
            is_strict: true
            processes:
              a: {command: touch started, depends_on: {b: {condition: process_started}}}
            """,
        ),
        (
            "a dependency without a ready line",
            """
            processes:
              a: {command: touch started, depends_on: {b: {condition: process_log_ready}}}
              b: {command: touch started}
            """,
        ),
        (
            "an unknown condition",
            """
            processes:
              a: {command: touch started, depends_on: {b: {condition: process_happy}}}
              b: {command: touch started}
            """,
        ),
        (
            "an unknown key in a strict file",
            """
            is_strict: true
            processes:
              a: {command: touch started, colour: blue}
            """,
        ),
        (
            "an unknown restart policy",
            """
            processes:
              a: {command: touch started, availability: {restart: sometimes}}
            """,
        ),
        (
            "a ready line next to a readiness probe",
            """
            processes:
              a:
                command: touch started
                ready_log_line: x
                readiness_probe: {exec: {command: "true"}}
            """,
        ),
        ("broken YAML", "processes: {a: {command: touch started}"),
        ("a repeated key", "processes: {a: {command: touch started, command: touch other}}"),
        ("a broken reference", "processes: {a: {command: 'touch started ${}'}}"),
    ],
)
def test_a_mistake_in_the_file_is_refused_before_anything_starts(
    project: RunningProject, problem: str, configuration: str
) -> None:
    project.up(configuration)
    assert project.exit_status() != 0, problem
    assert not (project.folder / "started").exists()
