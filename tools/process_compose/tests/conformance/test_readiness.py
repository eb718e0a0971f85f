from ..conftest import HealthServer
from ..running import RunningProject, wait_until


def test_http_get_is_ready_at_the_expected_status_only(
    project: RunningProject, health_server: HealthServer
) -> None:
    project.up(f"""
        processes:
          web:
            command: sleep 60
            readiness_probe:
              http_get: {{port: "{health_server.server_port}", path: /health}}
              period_seconds: 1
              failure_threshold: 100
            shutdown: {{timeout_seconds: 5}}
          after:
            command: echo after >> events
            depends_on: {{web: {{condition: process_healthy}}}}
    """)
    wait_until(lambda: health_server.requests >= 2, "two requests")
    assert project.events() == []
    health_server.status = 200
    project.wait_for("after")
    project.stop()


def test_http_get_accepts_a_number_as_its_port_and_another_status(
    project: RunningProject, health_server: HealthServer
) -> None:
    health_server.status = 204
    project.up(f"""
        processes:
          web:
            command: sleep 60
            readiness_probe:
              http_get: {{host: 127.0.0.1, port: {health_server.server_port}, status_code: 204}}
            shutdown: {{timeout_seconds: 5}}
          after:
            command: echo after >> events
            depends_on: {{web: {{condition: process_healthy}}}}
    """)
    project.wait_for("after")
    project.stop()


def test_the_first_probe_comes_at_once_and_the_next_after_the_period(
    project: RunningProject, health_server: HealthServer
) -> None:
    health_server.status = 200
    project.up(f"""
        processes:
          web:
            command: sleep 60
            readiness_probe:
              http_get: {{port: "{health_server.server_port}"}}
              period_seconds: 30
            shutdown: {{timeout_seconds: 5}}
          after:
            command: echo after >> events
            depends_on: {{web: {{condition: process_healthy}}}}
    """)
    project.wait_for("after")
    assert health_server.requests == 1
    project.stop()


def test_exec_runs_in_the_folder_and_environment_of_its_process(project: RunningProject) -> None:
    (project.folder / "inner").mkdir()
    project.up("""
        processes:
          web:
            command: sleep 60
            working_dir: inner
            environment: [MARK=of web]
            readiness_probe:
              exec: {command: 'echo "$MARK in $$(basename "$PWD")" >> ../events'}
            shutdown: {timeout_seconds: 5}
    """)
    project.wait_for("of web in inner")
    project.stop()


def test_exec_that_runs_too_long_is_a_failure(project: RunningProject) -> None:
    project.up("""
        processes:
          web:
            command: echo web >> events; sleep 60
            readiness_probe:
              exec: {command: sleep 30}
              timeout_seconds: 1
              period_seconds: 1
              failure_threshold: 1
            shutdown: {timeout_seconds: 5}
    """)
    assert project.exit_status() == 0
    assert project.events() == ["web"]


def test_a_process_that_fails_its_probe_too_often_is_stopped_and_restarted_by_its_policy(
    project: RunningProject,
) -> None:
    project.up("""
        processes:
          web:
            command: |
              trap 'echo stopped >> events; exit 0' TERM
              echo started >> events
              sleep 60 & wait
            readiness_probe:
              exec: {command: "false"}
              period_seconds: 1
              failure_threshold: 2
            availability: {restart: always, max_restarts: 1}
            shutdown: {timeout_seconds: 5}
    """)
    assert project.exit_status() == 0
    assert project.events() == ["started", "stopped", "started", "stopped"]


def test_readiness_is_watched_after_the_first_success_too(
    project: RunningProject, health_server: HealthServer
) -> None:
    health_server.status = 200
    project.up(f"""
        processes:
          web:
            command: |
              trap 'echo stopped >> events; exit 0' TERM
              sleep 60 & wait
            readiness_probe:
              http_get: {{port: "{health_server.server_port}"}}
              period_seconds: 1
              failure_threshold: 1
            shutdown: {{timeout_seconds: 5}}
          after:
            command: echo after >> events
            depends_on: {{web: {{condition: process_healthy}}}}
    """)
    project.wait_for("after")
    health_server.status = 500
    assert project.exit_status() == 0
    assert project.events() == ["after", "stopped"]
