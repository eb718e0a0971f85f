"""What is committed is what `make render` would write."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cathouse_scaffold import documents
from cathouse_scaffold.documents import is_documentation, rendering

ROOT = Path(__file__).parents[3]


def test_what_follows_from_the_registry_is_current() -> None:
    stale = rendering(ROOT).stale(lambda path: not is_documentation(path))
    assert not stale, f"run `make render`: {', '.join(map(str, stale))}"


@pytest.mark.documentation
def test_documentation_that_follows_from_the_registry_is_current() -> None:
    stale = rendering(ROOT).stale(is_documentation)
    assert not stale, f"run `make render`: {', '.join(map(str, stale))}"


def test_the_command_names_each_stale_file_and_leaves_out_documentation_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale_files = {Path("compose.yaml"): "new", Path("README.md"): "new"}

    class Stub:
        def stale(self, wanted: Callable[[Path], bool]) -> dict[Path, str]:
            return {path: text for path, text in stale_files.items() if wanted(path)}

    monkeypatch.setattr(documents, "rendering", lambda root: Stub())
    assert documents.stale(tmp_path) == [Path("compose.yaml")]
    (tmp_path / "docs").mkdir()
    assert documents.stale(tmp_path) == list(stale_files)
