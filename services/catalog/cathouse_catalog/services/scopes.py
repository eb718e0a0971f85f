"""Consent of players: a published scope may later allow fewer routes, but never more.

Installations store the names of the granted scopes. If a scope could later allow more routes, its owner would have
granted access that was never shown.
"""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_catalog.models import Route, Scope, Version
from cathouse_catalog.services.errors import ScopeWidened


async def refuse_wider_scopes(session: AsyncSession, cat_id: UUID, scopes: Sequence[Scope]) -> None:
    """Raise `ScopeWidened` if a scope allows a route that it did not allow in its last published version.

    Every published version has passed this check, so the last version with a scope is also its narrowest. A scope that
    was removed for some versions is compared, too.
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
    """Return the requests that a scope allows with the routes `after` but not with `before`, as `METHOD /path`.

    `named_before` and `named_after` are the paths of all scopes in the two manifests. Only the most specific template
    that matches a request decides. So a scope with `/tasks/{id}` also allows more if `/tasks/export` of another scope
    is removed.
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
    """Return the most specific of the templates that match everything that `path` matches.

    The rules are those of the proxy (`cathouse_proxy.services.admission.scopes`). The list is empty if the most
    specific template differs from the path in letter case, parameters or a slash at the end.
    """
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
    """Return the path without the differences that many servers ignore: letter case, parameters, a slash at the end."""
    segments = path.lower().removesuffix("/").split("/")
    return "/".join(segment.partition(";")[0] for segment in segments)


def _covers(wide: str, narrow: str) -> bool:
    """Return whether the template `wide` matches every path that `narrow` matches."""
    wide_segments, narrow_segments = wide.split("/"), narrow.split("/")
    return len(wide_segments) == len(narrow_segments) and all(
        (old.startswith("{") and new != "") or old == new
        for old, new in zip(wide_segments, narrow_segments, strict=True)
    )
