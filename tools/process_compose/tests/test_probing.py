from .conftest import HealthServer
from .running import RunningProject, wait_until


def test_a_port_that_opens_late_is_noticed_before_the_period_is_over(
    project: RunningProject, closed_health_server: HealthServer
) -> None:
    project.up(f"""
        processes:
          server:
            command: echo started >> events; sleep 60
            readiness_probe:
              http_get: {{port: {closed_health_server.server_port}}}
              period_seconds: 3600
              failure_threshold: 2
            shutdown: {{timeout_seconds: 5}}
          after:
            command: echo after >> events
            depends_on: {{server: {{condition: process_healthy}}}}
    """)
    project.wait_for("started")
    closed_health_server.status = 200
    closed_health_server.server_activate()
    project.wait_for("after")
    assert project.events() == ["started", "after"]
    project.stop()


def test_a_server_that_gets_ready_late_is_noticed_before_the_period_is_over(
    project: RunningProject, health_server: HealthServer
) -> None:
    project.up(f"""
        processes:
          server:
            command: echo started >> events; sleep 60
            readiness_probe:
              http_get: {{port: {health_server.server_port}}}
              period_seconds: 3600
              failure_threshold: 2
            shutdown: {{timeout_seconds: 5}}
          after:
            command: echo after >> events
            depends_on: {{server: {{condition: process_healthy}}}}
    """)
    wait_until(lambda: health_server.requests > 1, "the second request")
    health_server.status = 200
    project.wait_for("after")
    project.stop()


def test_refused_connections_count_as_failures_only_once_a_period(
    project: RunningProject, closed_health_server: HealthServer
) -> None:
    project.up(f"""
        processes:
          server:
            command: date +%s%N >> events; trap 'date +%s%N >> events; exit' TERM; sleep 60 & wait
            readiness_probe:
              http_get: {{port: {closed_health_server.server_port}}}
              period_seconds: 1
              failure_threshold: 3
            shutdown: {{timeout_seconds: 5}}
    """)
    assert project.exit_status() == 0
    started, stopped = map(int, project.events())
    assert stopped - started >= 1_900_000_000
    assert "server is not ready and is being stopped: " in project.output()


def test_the_reason_of_a_failed_probe_is_printed(
    project: RunningProject, health_server: HealthServer
) -> None:
    project.up(f"""
        processes:
          server:
            command: sleep 60
            readiness_probe:
              http_get: {{port: {health_server.server_port}, path: /ready}}
              failure_threshold: 1
            shutdown: {{timeout_seconds: 5}}
    """)
    assert project.exit_status() == 0
    wait_until(lambda: "GET /ready returned 503" in project.output(), "the reason")
