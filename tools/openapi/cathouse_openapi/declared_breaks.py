"""Changes that break callers and are meant: `docs/openapi/breaking.toml`."""

import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cathouse_openapi.changes import Change
from cathouse_openapi.errors import ApiError

HEADER = """\
# Changes since the last release that break callers, and why they are made all the same. `make openapi` names those that
# are missing here, ready to be copied; `make release VERSION=…` takes them into the changelog, and empties this file.
"""


@dataclass(frozen=True, slots=True)
class Break:
    """One declaration: what it allows, and why."""

    service: str
    changes: tuple[str, ...]
    reason: str


def read_breaks(path: Path) -> list[Break]:
    """Raises `ApiError` for a file that does not say what it should."""
    try:
        entries = tomllib.loads(path.read_text()).get("breaking", [])
        # A reason is a part of one line of the changelog.
        breaks = [
            Break(e["service"], tuple(e["changes"]), " ".join(e["reason"].split())) for e in entries
        ]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ApiError(
            f"{path} is not as it should be ({error!r}): each [[breaking]] has service, changes and reason"
        ) from None
    for declared in breaks:
        if not declared.reason.strip("…. "):
            raise ApiError(f"{path}: a change of {declared.service} has no reason: say why")
    return breaks


def judge(changes: dict[str, list[Change]], breaks: Sequence[Break]) -> None:
    """Raises `ApiError` where a change breaks callers and is not declared, or is declared and not there."""
    found = {(name, str(c)) for name, some in changes.items() for c in some if c.breaking}
    declared = {(each.service, change) for each in breaks for change in each.changes}
    complaints = []
    if missing := found - declared:
        complaints.append(
            "The API was changed in a way that breaks its callers. Change it so that it does not, or bring the change "
            "as a new version beside the old one (docs/how-to/change-the-api.md). If it is meant, copy this into "
            "docs/openapi/breaking.toml, and say why:\n\n" + "\n".join(_as_toml(missing))
        )
    if left := declared - found:
        lines = "\n".join(f"  {name}: {change}" for name, change in sorted(left))
        complaints.append(
            f"docs/openapi/breaking.toml declares what does not break anything: take it out.\n{lines}"
        )
    if complaints:
        raise ApiError("\n\n".join(complaints))


def _as_toml(found: Iterable[tuple[str, str]]) -> Iterable[str]:
    for name in sorted({name for name, _ in found}):
        yield f'[[breaking]]\nservice = "{name}"\nchanges = ['
        for service, change in sorted(found):
            if service == name:
                # JSON's strings are TOML's too.
                yield f"    {json.dumps(change, ensure_ascii=False)},"
        yield ']\nreason = "…"\n'
