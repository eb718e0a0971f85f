import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from cathouse_stack import logs
from cathouse_stack.errors import StackError
from cathouse_stack.logs import Filter, show_logs
from cathouse_stack.since import parse_since

ID = "27694384146cdfa62acbee85ead135c8"
CATALOG = [
    "08:03:14.203 INFO     catalog 0.1.0 listens on 127.0.0.1 port 8002 ",
    f"08:03:15.100 WARNING  request method=GET status=503 request_id={ID}",
    f"08:03:15.300 ERROR    failed request_id={ID}",
    "Traceback (most recent call last):",
    "ValueError: no",
    "08:03:16.000 DEBUG    quiet ",
]
PROXY = [
    json.dumps(
        {
            "timestamp": "2026-11-26T08:03:15.200Z",
            "level": "info",
            "service": "proxy",
            "message": "request",
            "request_id": ID,
        },
        separators=(",", ":"),
    ),
]
POSTGRES = [
    "2026-11-26 08:03:09.988 UTC [7] LOG:  listening on port 21204",
    "2026-11-26 08:03:15.250 UTC [9] FATAL:  the database system is shutting down",
]

Write = Callable[[str, list[str]], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes log lines as the runner does."""
    monkeypatch.chdir(tmp_path)
    logs.FOLDER.mkdir(parents=True)

    def write(process: str, lines: list[str]) -> None:
        with (logs.FOLDER / f"{process}.log").open("a") as file:
            for line in lines:
                entry = {"level": "info", "process": process, "replica": 0, "message": line}
                file.write(json.dumps(entry) + "\n")

    return write


@pytest.fixture
def written(write: Write) -> None:
    write("catalog", CATALOG)
    write("proxy", PROXY)
    write("postgres", POSTGRES)


def shown(
    capsys: pytest.CaptureFixture[str], process: str = "", *, level: str = "", request: str = ""
) -> list[str]:
    show_logs(process, Filter(level, request), follow=False)
    lines = capsys.readouterr().out.splitlines()
    assert {line[:14].strip() for line in lines} <= {"catalog", "proxy", "postgres"}
    return [line[14:] for line in lines]


@pytest.mark.usefixtures("written")
def test_the_lines_of_all_processes_are_in_order_of_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert shown(capsys) == [
        *(POSTGRES[0], CATALOG[0], CATALOG[1], PROXY[0], POSTGRES[1]),
        *CATALOG[2:],
    ]


@pytest.mark.usefixtures("written")
def test_one_process_is_selected(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "catalog") == CATALOG


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("level", ["ERROR", "error"])
def test_a_level_selects_it_and_those_above_with_their_tracebacks(
    capsys: pytest.CaptureFixture[str], level: str
) -> None:
    assert shown(capsys, level=level) == [POSTGRES[1], *CATALOG[2:5]]


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("request_id", [ID, ID[:6]])
def test_a_request_id_selects_the_lines_of_all_services(
    capsys: pytest.CaptureFixture[str], request_id: str
) -> None:
    assert shown(capsys, request=request_id) == [CATALOG[1], PROXY[0], *CATALOG[2:5]]


@pytest.mark.usefixtures("written")
def test_other_parts_of_a_line_are_not_request_ids(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, request="503") == []
    assert shown(capsys, request=".*") == []


def test_old_lines_are_left_out_but_not_those_of_a_request(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    many = [CATALOG[1]] * (logs.LAST_LINES + 1)
    write("catalog", many)
    assert len(shown(capsys)) == logs.LAST_LINES
    assert len(shown(capsys, request=ID)) == len(many)


@pytest.mark.usefixtures("written")
def test_lines_since_an_age_are_shown_also_across_midnight(
    capsys: pytest.CaptureFixture[str],
) -> None:
    noon = datetime(2026, 11, 26, 8, 3, 16)
    show_logs("catalog", Filter(since=parse_since("1s", noon)), follow=False)
    assert capsys.readouterr().out.count("\n") == len(CATALOG) - 1
    night = parse_since("2h", datetime(2026, 11, 26, 1, 0))
    assert [
        night.includes(time)
        for time in ("22:59:59.999", "23:00:00.000", "00:59:59.000", "12:00:00.000")
    ] == [*(False, True, True, False)]
    with pytest.raises(StackError, match="SINCE=25h"):
        parse_since("25h", noon)


@pytest.mark.usefixtures("written")
def test_scripts_get_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_logs("catalog", Filter(level="error"), follow=False, as_json=True)
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first == {
        "process": "catalog",
        "time": "08:03:15.300",
        "level": "ERROR",
        "text": CATALOG[2],
    }


def test_without_log_files_the_error_says_how_to_start_the_stack(write: Write) -> None:
    with pytest.raises(StackError, match="make up"):
        show_logs("", Filter(), follow=False)


@pytest.mark.usefixtures("written")
def test_an_unknown_process_and_an_unknown_level_are_named_with_the_known_ones() -> None:
    with pytest.raises(StackError, match=r"SERVICE=cat: .* Use one of catalog, postgres, proxy"):
        show_logs("cat", Filter(), follow=False)
    with pytest.raises(StackError, match=r"LEVEL=loud: .* Use one of TRACE, DEBUG, INFO"):
        Filter(level="loud")


@pytest.mark.usefixtures("written")
def test_new_lines_are_followed_through_a_restart_of_the_stack(
    write: Write, tmp_path: Path
) -> None:
    (tmp_path / "services.toml").touch()
    with subprocess.Popen(
        [sys.executable, "-m", "cathouse_stack", "logs", "--service=catalog", "--level=WARNING"],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
        text=True,
    ) as following:
        assert following.stdout
        for line in CATALOG[1:5]:
            assert following.stdout.readline() == f"catalog       {line}\n"
        write("catalog", ["08:03:17.000 ERROR    new "])
        assert following.stdout.readline() == "catalog       08:03:17.000 ERROR    new \n"
        # `make up` empties the file too.
        os.truncate(logs.FOLDER / "catalog.log", 0)
        write("catalog", ["08:04:00.000 INFO     quiet ", "08:04:01.000 ERROR    after "])
        assert following.stdout.readline() == "catalog       08:04:01.000 ERROR    after \n"
        following.terminate()
