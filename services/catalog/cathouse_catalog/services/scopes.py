"""What players have consented to: a scope that was published may come to mean less, never more.

Installations keep the names of the scopes that their owners granted. If a name could open more routes tomorrow than it
did on the day it was granted, its owner would have granted what they never saw.
"""

from collections.abc import Iterable, Sequence
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
    for scope in scopes:
        if scope["name"] in before:
            added = newly_opened(before[scope["name"]], scope["routes"])
            if added:
                raise ScopeWidened(scope["name"], added)


def newly_opened(before: Iterable[Route], after: Iterable[Route]) -> list[str]:
    """What `after` opens and `before` did not, as `METHOD /path`."""
    known = list(before)
    return [
        f"{method} {route['path']}"
        for route in after
        for method in route["methods"]
        if not any(
            method in old["methods"] and _covers(old["path"], route["path"]) for old in known
        )
    ]


def _covers(wide: str, narrow: str) -> bool:
    """Whether every path that the template `narrow` matches is matched by `wide`, too."""
    wide_segments, narrow_segments = wide.split("/"), narrow.split("/")
    return len(wide_segments) == len(narrow_segments) and all(
        (old.startswith("{") and new != "") or old == new
        for old, new in zip(wide_segments, narrow_segments, strict=True)
    )
