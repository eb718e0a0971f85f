"""What players have consented to: a scope that was published may come to mean less, never more.

Installations keep the names of the scopes that their owners granted. If a name could open more routes tomorrow than it
did on the day it was granted, its owner would have granted what they never saw.
"""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_catalog.models import Route, Scope, Version
from cathouse_catalog.services.errors import ScopeWidened


async def refuse_wider_scopes(session: AsyncSession, cat_id: UUID, scopes: Sequence[Scope]) -> None:
    """Raises `ScopeWidened` where one of these opens a route that it did not open when it was last published.

    As every published version has passed this, the last one that has a name is also the narrowest; a name that was
    dropped for a while is not forgotten.
    """
    published = await session.scalars(
        select(Version.scopes)
        .where(Version.cat_id == cat_id, Version.published_at.is_not(None))
        .order_by(Version.id)
    )
    before = {scope["name"]: scope["routes"] for manifest in published for scope in manifest}
    named_before = {route["path"] for routes in before.values() for route in routes}
    named_after = {route["path"] for scope in scopes for route in scope["routes"]}
    for scope in scopes:
        if scope["name"] in before:
            added = newly_opened(before[scope["name"]], scope["routes"], named_before, named_after)
            if added:
                raise ScopeWidened(scope["name"], added)


def newly_opened(
    before: Sequence[Route],
    after: Sequence[Route],
    named_before: Collection[str] = (),
    named_after: Collection[str] = (),
) -> list[str]:
    """Return what a scope opens with the routes `after` and did not with `before`, as `METHOD /path`.

    The other arguments are the paths of all scopes of the manifests. The most specific template that a request matches
    decides alone: a scope with `/tasks/{id}` also opens more when `/tasks/export`, which another scope named, is gone.
    """
    templates = {route["path"] for route in before} | set(named_before)
    gone = templates - {route["path"] for route in after} - set(named_after)
    added: dict[str, None] = {}
    for route in after:
        within = sorted(path for path in gone if _covers(route["path"], path))
        for path in [route["path"], *within]:
            deciding = _deciding(templates, path)
            opened = {
                method for old in before if old["path"] in deciding for method in old["methods"]
            }
            added |= {f"{m} {path}": None for m in route["methods"] if m not in opened}
    return list(added)


def _deciding(templates: Iterable[str], path: str) -> list[str]:
    """Return the most specific of these templates that match all that `path` matches, by the rules of the proxy
    (`cathouse_proxy.services.admission.scopes`). None where the most specific one only looks like it."""
    alike = [template for template in templates if _covers(_alike(template), _alike(path))]
    if not alike:
        return []
    highest = min(map(_placeholders, alike))
    return [
        template
        for template in alike
        if _placeholders(template) == highest and _covers(template, path)
    ]


def _placeholders(path: str) -> list[bool]:
    return [segment.startswith("{") for segment in path.removesuffix("/").split("/")]


def _alike(path: str) -> str:
    """Without what many servers ignore: letter case, path parameters, a slash at the end."""
    segments = path.lower().removesuffix("/").split("/")
    return "/".join(segment.partition(";")[0] for segment in segments)


def _covers(wide: str, narrow: str) -> bool:
    """Whether every path that the template `narrow` matches is matched by `wide`, too."""
    wide_segments, narrow_segments = wide.split("/"), narrow.split("/")
    return len(wide_segments) == len(narrow_segments) and all(
        (old.startswith("{") and new != "") or old == new
        for old, new in zip(wide_segments, narrow_segments, strict=True)
    )
