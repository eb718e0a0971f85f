import json
import sys
from pathlib import Path

import pytest
from cathouse_dashboard.__main__ import main

from .support import MS, NOW, REQUEST, TRACE, line, span, stored


@pytest.fixture(autouse=True)
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    root = span(attributes={"request.id": REQUEST, "http.response.status_code": 200})
    query = span(
        span_id="2" * 16,
        parent_id=root.span_id,
        start=NOW + MS,
        attributes={"db.query.text": "SELECT 1"},
    )
    failed = span(trace_id="f" * 32, duration=90 * MS, start=NOW - 3600 * 10**9, failed=True)
    stored(
        tmp_path / ".state" / "telemetry",
        root,
        query,
        failed,
        lines=(line("hello", request_id=REQUEST),),
    )


def traces(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    sys.argv = ["cathouse-dashboard", "traces", *arguments]
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0, ended.value
    return capsys.readouterr().out


def test_traces_are_listed_newest_slowest_and_failed(capsys: pytest.CaptureFixture[str]) -> None:
    newest = traces(capsys).splitlines()
    assert [TRACE in newest[1], "f" * 32 in newest[2]] == [True, True]
    assert "f" * 32 in traces(capsys, "--order=slowest").splitlines()[1]
    assert TRACE not in traces(capsys, "--status=failed")
    assert "f" * 32 not in traces(capsys, "--since=10m")
    assert "no trace is like this" in traces(capsys, "--request=nothing")


def test_one_trace_is_a_tree_with_sql_and_log_lines(capsys: pytest.CaptureFixture[str]) -> None:
    tree = traces(capsys, f"--trace={TRACE}")
    assert "  proxy  SELECT 1" in tree
    assert "info  hello" in tree


def test_scripts_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = [json.loads(text) for text in traces(capsys, "--json=yes").splitlines()]
    assert [each["trace_id"] for each in found] == [TRACE, "f" * 32]
    one = json.loads(traces(capsys, "--json=yes", f"--trace={TRACE}"))
    assert [len(one["logs"]), len(one["spans"])] == [1, 2]
    assert one["spans"][1]["attributes"] == {"db.query.text": "SELECT 1"}


def test_an_age_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    sys.argv = ["cathouse-dashboard", "traces", "--since=yesterday"]
    with pytest.raises(SystemExit, match="SINCE=yesterday"):
        main()
