"""The committed files are the same as the output of `make render`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cathouse_scaffold import documents
from cathouse_scaffold.documents import is_documentation, rendering
from cathouse_scaffold.rendering import Rendering

ROOT = Path(__file__).parents[3]


# One worker runs both tests, because the description of the code takes seconds.
in_one_worker = pytest.mark.xdist_group("rendered files")


@pytest.fixture(scope="module")
def current() -> Rendering:
    return rendering(ROOT)


@in_one_worker
def test_generated_files_are_current(current: Rendering) -> None:
    stale = current.stale(lambda path: not is_documentation(path))
    assert not stale, f"run `make render`: {', '.join(map(str, stale))}"


@in_one_worker
@pytest.mark.documentation
def test_generated_documentation_is_current(current: Rendering) -> None:
    stale = current.stale(is_documentation)
    assert not stale, f"run `make render`: {', '.join(map(str, stale))}"


def test_stale_lists_files_and_ignores_missing_documentation(
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
