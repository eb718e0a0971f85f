"""The changelog. Its unreleased part is written again each time. Its released parts never change."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from cathouse_openapi.changes import Change
from cathouse_openapi.declared_breaks import Break
from cathouse_openapi.errors import ApiError

_BEGIN = "<!-- since the last release: written by `make openapi` -->\n"
_END = "<!-- end -->\n"
_VERSION = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}")
_RELEASE = re.compile(rf"^## ({_VERSION.pattern}), ", re.MULTILINE)


def with_unreleased(
    text: str, changes: Mapping[str, Sequence[Change]], breaks: Sequence[Break]
) -> str:
    """Return the changelog with these changes in its unreleased part."""
    before, _, after = _parts(text)
    return f"{before}{_BEGIN}## Not yet released\n\n{_entries(changes, breaks)}{_END}{after}"


def check_next(text: str, version: str) -> None:
    """Raise `ApiError` when the version is not higher than every version in the changelog."""
    if not _VERSION.fullmatch(version):
        raise ApiError(f"VERSION={version} is not valid: use three numbers, such as 0.2.0")
    _, _, after = _parts(text)
    released = max(_RELEASE.findall(after), key=_numbers, default=None)
    if released and _numbers(version) <= _numbers(released):
        raise ApiError(
            f"VERSION={version} cannot follow {released}, the last version in docs/openapi/CHANGELOG.md: "
            "use a higher version"
        )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def with_release(text: str, version: str, today: date) -> str:
    """Return the changelog with its unreleased part as the part of this version."""
    before, unreleased, after = _parts(text)
    entries = unreleased.partition("\n\n")[2]
    return f"{before}{_BEGIN}## Not yet released\n\n{_entries({}, ())}{_END}\n## {version}, {today}\n\n{entries}{after}"


def _parts(text: str) -> tuple[str, str, str]:
    before, begin, rest = text.partition(_BEGIN)
    unreleased, end, after = rest.partition(_END)
    if not (begin and end):
        raise ApiError(
            f"docs/openapi/CHANGELOG.md does not contain the lines {_BEGIN.strip()} and {_END.strip()}: restore them"
        )
    return before, unreleased, after


def _entries(changes: Mapping[str, Sequence[Change]], breaks: Sequence[Break]) -> str:
    reasons = {(b.service, change): b.reason for b in breaks for change in b.changes}
    sections = []
    for name, some in sorted(changes.items()):
        if some:
            lines = sorted(_lines(name, some, reasons), key=lambda line: "**Breaking" not in line)
            sections.append(f"### {name}\n\n" + "".join(lines))
    return "\n".join(sections) or "Nothing.\n"


def _lines(
    name: str, changes: Sequence[Change], reasons: Mapping[tuple[str, str], str]
) -> Iterator[str]:
    """Yield one line for all operations with the same change. A shared schema changes in each of them."""
    alike: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        reason = reasons.get((name, str(change)), "not declared") if change.breaking else ""
        alike.setdefault((change.text, reason), []).append(f"`{change.operation}`")
    for (text, reason), operations in alike.items():
        where = ", ".join(operations)
        yield (
            f"- **Breaking.** {where}: {text}. Why: {reason}\n"
            if reason
            else f"- {where}: {text}\n"
        )
