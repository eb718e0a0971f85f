"""What this runner does not support is refused by name, in one line, before anything starts."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from process_compose.cli import main

from .running import RunningProject

Refusal = Callable[[str], str]


@pytest.fixture
def refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Refusal:
    """Return the line in which `up` refuses a configuration. No process is needed for that."""
    monkeypatch.chdir(tmp_path)

    def refusal(configuration: str) -> str:
        Path("stack.yaml").write_text(dedent(configuration), encoding="utf-8")
        command = "up -U -u control.sock -t=false --disable-dotenv -f stack.yaml"
        assert main(command.split()) == 1
        (line,) = "".join(capfd.readouterr()).splitlines()
        assert line.startswith("process-compose-python: ")
        assert not Path("started").exists()
        return line

    return refusal


@pytest.mark.parametrize(
    ("process", "named"),
    [
        ("is_tty: true", "process 'a': key 'is_tty' is not supported here; supported: command, "),
        ("replicas: 2", "'replicas'"),
        ("liveness_probe: {exec: {command: x}}", "'liveness_probe'"),
        ("availability: {restart: sometimes}", "availability.restart: Input should be 'no', "),
        ("availability: {backoff: 2}", "availability: key 'backoff' is not supported here"),
        ("availability: {backoff_seconds: 0.5}", "availability.backoff_seconds: "),
        ("shutdown: {signal: 99}", "shutdown.signal: "),
        ("depends_on: {b: {}}", "depends_on.b.condition: Field required"),
        ("environment: {A: b}", "environment: Input should be a valid list"),
        ("environment: [A]", "'A' is not NAME=value"),
        ("readiness_probe: {period_seconds: 1}", "a probe has either http_get or exec"),
        ("readiness_probe: {http_get: {port: http}}", "'http' is not a port (1 to 65535)"),
        ("readiness_probe: {http_get: {scheme: https}}", "http_get.scheme: "),
        ("readiness_probe: {exec: {command: x}, success_threshold: 2}", "success_threshold"),
        ("description: '{{.Name}}'", "'{{' starts a template"),
        ("disabled: 'yes'", "disabled: Input should be a valid boolean, not 'yes'"),
        ("depends_on: {c: {condition: process_started}}", "'c': there is no such process"),
        ("depends_on: {off: {condition: process_started}}", "'off': that process is disabled"),
        ("depends_on: {b: {condition: process_healthy}}", "needs a readiness_probe there"),
        ("depends_on: {b: {condition: process_log_ready}}", "needs a ready_log_line there"),
        ("depends_on: {a: {condition: process_started}}", "in a circle: a -> a"),
        ("log_location: /dev/null/log", "log_location '/dev/null/log'"),
    ],
)
def test_a_process_that_asks_for_more_is_named(refusal: Refusal, process: str, named: str) -> None:
    configuration = f"""
        processes:
          a:
            command: touch started
            {process}
          b: {{command: touch started}}
          off: {{command: touch started, disabled: true}}
    """
    assert named in refusal(configuration)


@pytest.mark.parametrize(
    ("configuration", "named"),
    [
        ("vars: {A: b}\nprocesses: {a: {command: touch started}}", "key 'vars' is not supported"),
        ("processes: {}", "processes: "),
        ("", "stack.yaml: Input should be"),
        ("processes: {a: {command: ''}}", "process 'a': command: "),
        ("processes: {a: {command: touch started, disabled: true}}", "nothing to run"),
        ("processes:\n  a: [", "stack.yaml: line 2: "),
        ("processes:\n  a: {command: a, command: b}", "line 2: key 'command' stands twice"),
        ("\nprocesses: {a: {command: 'x ${A:?no}'}}", "only ${NAME} and ${NAME:-default} are"),
        ("\nprocesses: {a: {command: 'x ${A:-b'", "the closing } is missing"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_line(
    refusal: Refusal, configuration: str, named: str
) -> None:
    assert named in refusal(configuration)


def test_every_process_of_a_circle_is_named(refusal: Refusal) -> None:
    configuration = """
        processes:
          a: {command: touch started, depends_on: {b: {condition: process_started}}}
          b: {command: touch started, depends_on: {c: {condition: process_started}}}
          c: {command: touch started, depends_on: {a: {condition: process_started}}}
    """
    assert "in a circle: a -> b -> c -> a" in refusal(configuration)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["up", "-t"], "there is no terminal interface here"),
        (["up", "-f", "absent.yaml"], "absent.yaml: No such file or directory"),
        (["up", "-f", "."], ".: Is a directory"),
        (["up", "--keep-project"], "unrecognized arguments: --keep-project"),
        (["process", "scale", "a", "2"], "invalid choice: 'scale'"),
        (["restart"], "the following arguments are required: NAME"),
        (["logs", "a", "-n", "-1"], "--tail: '-1' is not a number of lines"),
        (["ps"], "no project runs at control.sock; `up` starts one"),
        (["down"], "no project runs at control.sock; `up` starts one"),
        (["restart", "a"], "no project runs at control.sock; `up` starts one"),
        (["logs", "a"], "no project runs at control.sock; `up` starts one"),
    ],
)
def test_a_command_that_cannot_be_done_is_answered_in_one_line(
    project: RunningProject, arguments: list[str], named: str
) -> None:
    answer = project.ask(*arguments)
    assert answer.returncode == 1
    assert answer.stdout == ""
    (line,) = answer.stderr.splitlines()
    assert named in line


def test_a_dotenv_file_is_not_silently_ignored(project: RunningProject) -> None:
    (project.folder / ".env").touch()
    (project.folder / "process-compose.yaml").write_text("processes: {a: {command: touch started}}")
    answer = project.ask("up")
    assert (answer.returncode, answer.stderr) == (
        1,
        "process-compose-python: this runner does not read .env files: say --disable-dotenv\n",
    )
    assert project.ask("up", "--disable-dotenv").returncode == 0


def test_something_else_in_the_place_of_the_socket_is_left_alone(refusal: Refusal) -> None:
    Path("control.sock").write_text("mine")
    assert "something else is there" in refusal("processes: {a: {command: touch started}}")
    assert Path("control.sock").read_text() == "mine"
