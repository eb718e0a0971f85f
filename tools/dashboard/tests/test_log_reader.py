import json
import os
from pathlib import Path

import pytest
from cathouse_dashboard.collect.log_reader import LogReader
from cathouse_dashboard.store.queries import LogFilter, Queries
from cathouse_dashboard.store.writer import Writer


class Logs:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "logs"
        self.folder.mkdir()
        self.queries = Queries(folder / "run-x.sqlite3")

    def write(self, process: str, *messages: str, end: str = "\n") -> None:
        with (self.folder / f"{process}.log").open("a") as file:
            file.write("\n".join(json.dumps({"message": message}) for message in messages) + end)

    def read(self, began: float = 0.0) -> list[str]:
        """Return all messages after a new reader, such as that of a restarted dashboard, has looked once."""
        known = self.queries.positions() if self.queries.path.exists() else {}
        writer = Writer(self.queries.path)
        writer.start()
        LogReader(self.folder, writer, known, began).poll()
        writer.stop()
        found = self.queries.logs(LogFilter(), 100) if self.queries.path.exists() else []
        return [f"{line.process}: {line.message}" for _, line in reversed(found)]


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path)


def test_new_lines_of_each_file_are_read_once(logs: Logs) -> None:
    logs.write("auth", "one", "two")
    logs.write("proxy", "three")
    logs.write("process-compose", "of the runner itself")
    assert sorted(logs.read()) == ["auth: one", "auth: two", "proxy: three"]
    logs.write("auth", "four")
    assert logs.read()[-1] == "auth: four"
    assert len(logs.read()) == 4


def test_a_line_that_is_not_complete_waits(logs: Logs) -> None:
    logs.write("auth", "one", end="")
    assert logs.read() == []
    logs.write("auth", end="\n")
    assert logs.read() == ["auth: one"]


def test_lines_of_an_earlier_run_are_left_out(logs: Logs) -> None:
    logs.write("auth", "of yesterday")
    os.utime(logs.folder / "auth.log", (1000, 1000))
    assert logs.read(began=2000) == []
    (logs.folder / "auth.log").write_text("")
    logs.write("auth", "new")
    assert logs.read(began=2000) == ["auth: new"]


def test_a_file_that_was_emptied_is_read_from_its_beginning(logs: Logs) -> None:
    logs.write("auth", "a long line of the time before")
    logs.read()
    (logs.folder / "auth.log").write_text("")
    logs.write("auth", "new")
    assert logs.read() == ["auth: a long line of the time before", "auth: new"]
