"""All packages have one version, because they are released together."""

import tomllib
from pathlib import Path

from cathouse_scaffold.version import read_version

ROOT = Path(__file__).parents[3]


def test_every_package_has_the_version_of_the_kit() -> None:
    version = read_version(ROOT)
    others = {
        str(path.parent.relative_to(ROOT))
        for path in ROOT.glob("*/*/pyproject.toml")
        if tomllib.loads(path.read_text())["project"]["version"] != version
    }
    assert not others, (
        f"{', '.join(sorted(others))}: not {version}; `make release` sets all of them"
    )
