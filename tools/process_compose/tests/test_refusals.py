"""Unsupported keys and commands are refused by name, in one line, before anything starts."""

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
    """Return a function that gives the line in which `up` refuses a configuration. No process starts."""
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
        ("is_tty: true", "process 'a': key 'is_tty' is not supported here: use one of command, "),
        ("replicas: 2", "'replicas'"),
        ("liveness_probe: {exec: {command: x}}", "'liveness_probe'"),
        ("availability: {restart: sometimes}", "availability.restart: Input should be 'no', "),
        ("availability: {backoff: 2}", "availability: key 'backoff' is not supported here"),
        ("availability: {backoff_seconds: 0.5}", "availability.backoff_seconds: "),
        ("shutdown: {signal: 99}", "shutdown.signal: "),
        ("depends_on: {b: {}}", "depends_on.b.condition: Field required"),
        ("environment: {A: b}", "environment: Input should be a valid list"),
        ("environment: [A]", "'A' is not of the form NAME=value"),
        (
            "readiness_probe: {period_seconds: 1}",
            "a probe needs either http_get or exec, and not both",
        ),
        (
            "readiness_probe: {http_get: {port: http}}",
            "'http' is not a port: write a number from 1 to 65535",
        ),
        ("readiness_probe: {http_get: {scheme: https}}", "http_get.scheme: "),
        ("readiness_probe: {exec: {command: x}, success_threshold: 2}", "success_threshold"),
        ("description: '{{.Name}}'", "templates of process-compose are not supported: remove '{{'"),
        ("disabled: 'yes'", "disabled: Input should be a valid boolean, not 'yes'"),
        ("depends_on: {c: {condition: process_started}}", "'c': no process has this name"),
        ("depends_on: {off: {condition: process_started}}", "'off': this process is disabled"),
        ("depends_on: {b: {condition: process_healthy}}", "needs a readiness_probe in 'b'"),
        ("depends_on: {b: {condition: process_log_ready}}", "needs a ready_log_line in 'b'"),
        ("depends_on: {a: {condition: process_started}}", "depends_on forms a cycle: a -> a"),
        ("log_location: /dev/null/log", "log_location '/dev/null/log'"),
    ],
)
def test_an_unsupported_key_or_value_of_a_process_is_named(
    refusal: Refusal, process: str, named: str
) -> None:
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
        ("processes: {a: {command: touch started, disabled: true}}", "every process is disabled"),
        ("processes:\n  a: [", "stack.yaml: line 2: "),
        ("processes:\n  a: {command: a, command: b}", "line 2: key 'command' is repeated"),
        ("\nprocesses: {a: {command: 'x ${A:?no}'}}", "only ${NAME} and ${NAME:-default} are"),
        ("\nprocesses: {a: {command: 'x ${A:-b'", "the closing } is missing"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_line(
    refusal: Refusal, configuration: str, named: str
) -> None:
    assert named in refusal(configuration)


def test_every_process_of_a_cycle_is_named(refusal: Refusal) -> None:
    configuration = """
        processes:
          a: {command: touch started, depends_on: {b: {condition: process_started}}}
          b: {command: touch started, depends_on: {c: {condition: process_started}}}
          c: {command: touch started, depends_on: {a: {condition: process_started}}}
    """
    assert "depends_on forms a cycle: a -> b -> c -> a" in refusal(configuration)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["up", "-t"], "--tui=true is not supported"),
        (["up", "-f", "absent.yaml"], "absent.yaml: No such file or directory"),
        (["up", "-f", "."], ".: Is a directory"),
        (["up", "--keep-project"], "unrecognized arguments: --keep-project"),
        (["process", "scale", "a", "2"], "invalid choice: 'scale'"),
        (["restart"], "the following arguments are required: NAME"),
        (["logs", "a", "-n", "-1"], "--tail: '-1' is not a number of lines"),
        (["ps"], "no project runs at control.sock: start one with `up`"),
        (["down"], "no project runs at control.sock: start one with `up`"),
        (["restart", "a"], "no project runs at control.sock: start one with `up`"),
        (["logs", "a"], "no project runs at control.sock: start one with `up`"),
    ],
)
def test_a_command_that_fails_is_reported_in_one_line(
    project: RunningProject, arguments: list[str], named: str
) -> None:
    result = project.run_command(*arguments)
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert named in line


def test_a_dotenv_file_is_not_silently_ignored(project: RunningProject) -> None:
    (project.folder / ".env").touch()
    (project.folder / "process-compose.yaml").write_text("processes: {a: {command: touch started}}")
    result = project.run_command("up")
    assert (result.returncode, result.stderr) == (
        1,
        "process-compose-python: this folder has a .env file, and this program does not read .env "
        "files: add --disable-dotenv\n",
    )
    assert project.run_command("up", "--disable-dotenv").returncode == 0


def test_a_file_at_the_path_of_the_socket_is_not_changed(refusal: Refusal) -> None:
    Path("control.sock").write_text("mine")
    assert "a file that is not a socket exists there" in refusal(
        "processes: {a: {command: touch started}}"
    )
    assert Path("control.sock").read_text() == "mine"
