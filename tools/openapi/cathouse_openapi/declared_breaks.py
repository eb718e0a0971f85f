"""Intended breaking changes: `docs/openapi/breaking.toml`."""

import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cathouse_openapi.changes import Change
from cathouse_openapi.errors import ApiError

HEADER = """\
# Breaking changes since the last release, each with its reason. `make openapi` prints missing entries, ready to copy.
# `make release VERSION=…` moves them into the changelog and empties this file.
"""


@dataclass(frozen=True, slots=True)
class Break:
    """One declaration: the allowed changes of a service, and the reason."""

    service: str
    changes: tuple[str, ...]
    reason: str


def read_breaks(path: Path) -> list[Break]:
    """Return the declarations of a file. Raises `ApiError` when the file is not valid."""
    try:
        entries = tomllib.loads(path.read_text()).get("breaking", [])
        # A reason is a part of one line of the changelog.
        breaks = [
            Break(e["service"], tuple(e["changes"]), " ".join(e["reason"].split())) for e in entries
        ]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ApiError(
            f"{path} is not valid ({error!r}): write `service`, `changes` and `reason` in each [[breaking]]"
        ) from None
    for declared in breaks:
        if not declared.reason.strip("…. "):
            raise ApiError(
                f"{path}: an entry of {declared.service} has no reason: write the reason of the change"
            )
    return breaks


def judge(changes: dict[str, list[Change]], breaks: Sequence[Break]) -> None:
    """Raise `ApiError` for a breaking change that is not declared, and for a declaration without its change."""
    found = {(name, str(c)) for name, some in changes.items() for c in some if c.breaking}
    declared = {(each.service, change) for each in breaks for change in each.changes}
    complaints = []
    if missing := found - declared:
        complaints.append(
            "The API has changes that break its callers. Avoid them, or add a new version of the route next to the old "
            "one (docs/how-to/change-the-api.md). If the changes are intended, copy this text into "
            "docs/openapi/breaking.toml, and write the reason:\n\n" + "\n".join(_as_toml(missing))
        )
    if left := declared - found:
        lines = "\n".join(f"  {name}: {change}" for name, change in sorted(left))
        complaints.append(
            "docs/openapi/breaking.toml declares changes that do not exist or do not break callers. Remove them:\n"
            + lines
        )
    if complaints:
        raise ApiError("\n\n".join(complaints))


def _as_toml(found: Iterable[tuple[str, str]]) -> Iterable[str]:
    for name in sorted({name for name, _ in found}):
        yield f'[[breaking]]\nservice = "{name}"\nchanges = ['
        for service, change in sorted(found):
            if service == name:
                # A string of JSON is also a string of TOML.
                yield f"    {json.dumps(change, ensure_ascii=False)},"
        yield ']\nreason = "…"\n'
