"""`docs/openapi/`: the descriptions, what of them is released, and the changelog."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cathouse_openapi.changelog import check_next, with_release, with_unreleased
from cathouse_openapi.changes import Change, changes_between
from cathouse_openapi.declared_breaks import HEADER, judge, read_breaks
from cathouse_openapi.descriptions import (
    Descriptions,
    as_text,
    read_descriptions,
    write_descriptions,
)
from cathouse_openapi.errors import ApiError

_NOTHING: Mapping[str, Any] = {"paths": {}}


class Api:
    """The folder, and what the services describe now."""

    def __init__(self, folder: Path, now: Descriptions) -> None:
        self._folder = folder
        self._released = folder / "released"
        self._changelog = folder / "CHANGELOG.md"
        self._breaking = folder / "breaking.toml"
        self._now = now

    def write(self) -> None:
        """Writes the descriptions and what changed. Raises `ApiError` where that breaks callers and is not declared."""
        write_descriptions(self._folder, self._now)
        self._changelog.write_text(self._changelog_now())
        self._judge()

    def check(self) -> None:
        """Raises `ApiError` where what is written is not what the services describe, or breaks callers undeclared."""
        written = {name: as_text(d) for name, d in read_descriptions(self._folder).items()}
        now = {name: as_text(d) for name, d in self._now.items()}
        stale = [
            f"docs/openapi/{name}.json"
            for name in sorted(written.keys() | now.keys())
            if written.get(name) != now.get(name)
        ]
        if self._changelog.read_text() != self._changelog_now():
            stale.append("docs/openapi/CHANGELOG.md")
        if stale:
            raise ApiError(
                f"{', '.join(stale)}: not what the services describe now. Type `make openapi`."
            )
        self._judge()

    def check_release(self, version: str) -> None:
        """Raises `ApiError` where this cannot be the next version, or what is described breaks callers undeclared."""
        check_next(self._changelog.read_text(), version)
        self._judge()

    def release(self, version: str) -> None:
        """Makes what is written the released API. Raises `ApiError` where it is not as it should be."""
        self.check_release(version)
        self.check()
        if others := sorted(n for n, d in self._now.items() if d["info"]["version"] != version):
            raise ApiError(
                f"{', '.join(others)}: installed as another version than {version}. `make release VERSION={version}` "
                "installs it first; a Nix shell has to be entered anew, and then it is to be typed there again."
            )
        text = with_release(self._changelog.read_text(), version, datetime.now(UTC).date())
        write_descriptions(self._released, self._now)
        self._changelog.write_text(text)
        self._breaking.write_text(HEADER)

    def _judge(self) -> None:
        judge(self._changes(), read_breaks(self._breaking))

    def _changes(self) -> dict[str, list[Change]]:
        released = read_descriptions(self._released)
        return {
            name: changes_between(released.get(name, _NOTHING), self._now.get(name, _NOTHING))
            for name in released.keys() | self._now.keys()
        }

    def _changelog_now(self) -> str:
        text = self._changelog.read_text()
        return with_unreleased(text, self._changes(), read_breaks(self._breaking))
