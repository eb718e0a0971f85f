import json
from pathlib import Path

from ..running import RunningProject


def _messages(path: Path) -> list[tuple[str, str, str]]:
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(entry["process"], entry["level"], entry["message"]) for entry in entries]


def test_each_line_begins_with_the_name_of_its_process(project: RunningProject) -> None:
    project.up("""
        processes:
          one: {command: echo first; echo second >&2}
          another: {command: printf 'à la carte\\n\\n  indented'}
    """)
    assert project.exit_status() == 0
    assert sorted(project.lines_of("one")) == ["first", "second"]
    assert project.lines_of("another")[0] == "à la carte"


def test_a_long_line_is_shown_whole(project: RunningProject) -> None:
    project.up("""
        processes:
          long: {command: 'head -c 300000 /dev/zero | tr "\\0" x; echo'}
    """)
    assert project.exit_status() == 0
    assert project.lines_of("long") == ["x" * 300_000]


def test_invalid_utf8_does_not_stop_the_output(project: RunningProject) -> None:
    project.up("""
        processes:
          noise: {command: head -c 20000 /dev/urandom; echo; echo after}
    """)
    assert project.exit_status() == 0
    assert project.lines_of("noise")[-1] == "after"


def test_a_process_has_its_own_log_file_in_a_new_folder(project: RunningProject) -> None:
    project.up("""
        processes:
          web:
            command: echo out; sleep 0.2; echo "err é" >&2
            log_location: logs/web.log
            log_configuration: {flush_each_line: true}
    """)
    assert project.exit_status() == 0
    path = project.folder / "logs" / "web.log"
    assert _messages(path) == [("web", "info", "out"), ("web", "error", "err é")]
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_log_file_of_the_project_has_the_lines_of_all_other_processes(
    project: RunningProject,
) -> None:
    project.up("""
        log_location: all.log
        processes:
          one: {command: echo one}
          two: {command: echo two}
          own: {command: echo own, log_location: own.log}
    """)
    assert project.exit_status() == 0
    assert sorted(_messages(project.folder / "all.log")) == [
        ("one", "info", "one"),
        ("two", "info", "two"),
    ]
    assert _messages(project.folder / "own.log") == [("own", "info", "own")]


def test_a_log_file_has_every_run_of_this_up_and_none_of_the_previous_one(
    project: RunningProject,
) -> None:
    (project.folder / "job.log").write_text("an older line\n")
    project.up("""
        processes:
          job:
            command: echo run; exit 1
            log_location: job.log
            availability: {restart: on_failure, max_restarts: 1}
    """)
    assert project.exit_status() == 0
    messages = [message.strip() for _, _, message in _messages(project.folder / "job.log")]
    assert [message for message in messages if message] == ["run", "run"]
