"""The folder `docs/openapi/`: the descriptions, the released descriptions, and the changelog."""

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
    """The folder `docs/openapi/`, and the current descriptions of the services."""

    def __init__(self, folder: Path, now: Descriptions) -> None:
        self._folder = folder
        self._released = folder / "released"
        self._changelog = folder / "CHANGELOG.md"
        self._breaking = folder / "breaking.toml"
        self._now = now

    def write(self) -> None:
        """Write the descriptions and the changelog. Raises `ApiError` for a breaking change that is not declared."""
        write_descriptions(self._folder, self._now)
        self._changelog.write_text(self._changelog_now())
        self._judge()

    def check(self) -> None:
        """Raise `ApiError` when a written file is not current, or a breaking change is not declared."""
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
                f"These files do not match the current services: {', '.join(stale)}. Run `make openapi`."
            )
        self._judge()

    def check_release(self, version: str) -> None:
        """Raise `ApiError` when the version is not allowed, or a breaking change is not declared."""
        check_next(self._changelog.read_text(), version)
        self._judge()

    def release(self, version: str) -> None:
        """Release the written descriptions. Raises `ApiError` when a check fails."""
        self.check_release(version)
        self.check()
        if others := sorted(n for n, d in self._now.items() if d["info"]["version"] != version):
            raise ApiError(
                f"The installed version of {', '.join(others)} is not {version}. "
                f"Run `make release VERSION={version}`, which installs it. "
                "In a Nix shell, leave the shell, enter it again, and repeat the command."
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
