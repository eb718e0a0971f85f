"""What is committed is what `make render` would write."""

from pathlib import Path

import pytest
from cathouse_scaffold.documents import rendering

ROOT = Path(__file__).parents[3]


def is_documentation(path: Path) -> bool:
    return path.suffix == ".md" or path.is_relative_to("docs")


def test_what_follows_from_the_registry_is_current() -> None:
    stale = rendering(ROOT).stale(lambda path: not is_documentation(path))
    assert not stale, f"run `make render`: {', '.join(map(str, stale))}"


@pytest.mark.documentation
def test_documentation_that_follows_from_the_registry_is_current() -> None:
    stale = rendering(ROOT).stale(is_documentation)
    assert not stale, f"run `make render`: {', '.join(map(str, stale))}"
