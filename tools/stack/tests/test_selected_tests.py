import re
from pathlib import Path

import pytest
from cathouse_stack.errors import StackError
from cathouse_stack.selected_tests import pytest_command


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "services/catalog").mkdir(parents=True)
    (tmp_path / "test_one.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("only", ["services/catalog", "test_one.py", "test_one.py::test_a[b c]"])
def test_one_part_of_the_tests_is_selected(only: str) -> None:
    assert pytest_command(only, "")[-1] == only


def test_all_tests_run_on_all_cores() -> None:
    command = pytest_command("", "")
    assert command[1:3] == ["-m", "pytest"]
    assert command[-4:] == ["-n", "auto", "--dist", "loadgroup"]


def test_options_are_split_as_a_shell_would_and_replace_the_defaults() -> None:
    command = pytest_command("services/catalog", "-n0 -k 'rating or $HOME;' --lf")
    assert command[-5:] == ["-n0", "-k", "rating or $HOME;", "--lf", "services/catalog"]


def test_a_path_that_does_not_exist_is_named() -> None:
    with pytest.raises(StackError, match=re.escape("ONLY=services/catlog: this path")):
        pytest_command("services/catlog", "")


def test_an_open_quote_is_named() -> None:
    with pytest.raises(StackError, match="ARGS=-k 'a: No closing quotation"):
        pytest_command("", "-k 'a")
