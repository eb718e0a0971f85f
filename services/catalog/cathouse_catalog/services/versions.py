"""Versions of a cat: semantic versions. Each new version must be higher."""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil
from uuid import UUID

import semver
from cathouse_kit.pagination import PageRequest, SortKey, select_page
from cathouse_kit.quotas import QuotaReached
from cathouse_kit.tokens import Principal
from sqlalchemy import Interval, cast, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from cathouse_catalog.models import Cat, CatStatus, Scope, Version
from cathouse_catalog.services.access import changeable_cat
from cathouse_catalog.services.errors import TooManyVersions, VersionNotFound, VersionNotHigher
from cathouse_catalog.services.scopes import refuse_wider_scopes

_DAY = timedelta(days=1)


async def add_version(
    session: AsyncSession,
    cat_id: UUID,
    developer: Principal,
    *,
    version: str,
    release_notes: str,
    scopes: Sequence[Scope] | None,
    max_versions: int,
    max_versions_a_day: int,
) -> Version:
    """Add a version, and make it the current one. Without `scopes`, keep the scopes of the previous version.

    Raises `CatNotFound`, `NotYourCat`, `WrongStatus`, `VersionNotHigher`, `QuotaReached` and `TooManyVersions`.
    Raises `ScopeWidened` if the cat was published before.
    """
    cat = await changeable_cat(session, cat_id, developer, "give a new version to")
    await _keep_quotas(session, cat.id, max_versions, max_versions_a_day)
    if semver.Version.parse(version) <= semver.Version.parse(cat.version):
        raise VersionNotHigher(version, cat.version)
    if scopes is not None:
        await refuse_wider_scopes(session, cat.id, scopes)
        cat.scopes = list(scopes)
    cat.version = version
    await session.flush()
    statement = (
        insert(Version)
        .values(
            cat_id=cat.id,
            version=version,
            release_notes=release_notes,
            scopes=cat.scopes,
            published_at=None if cat.status == CatStatus.DRAFT else func.now(),
        )
        .returning(Version)
    )
    return (await session.scalars(statement)).one()


async def _keep_quotas(
    session: AsyncSession, cat_id: UUID, max_versions: int, max_versions_a_day: int
) -> None:
    # The cat is locked, so nobody else can add a version meanwhile.
    lately = Version.created_at > func.now() - _DAY
    statement = select(
        func.count(),
        func.count().filter(lately),
        cast(func.min(Version.created_at).filter(lately) + _DAY - func.now(), Interval),
    ).where(Version.cat_id == cat_id)
    versions, today, until_one_less = (await session.execute(statement)).one()
    if versions >= max_versions:
        raise QuotaReached("versions of this cat", max_versions)
    if today >= max_versions_a_day:
        raise TooManyVersions(ceil(until_one_less.total_seconds()), max_versions_a_day)


async def get_version(
    session: AsyncSession, cat: Cat, version: str, *, unpublished: bool
) -> Version:
    """Return a version of a cat. Raises `VersionNotFound`.

    Without `unpublished`, find only versions that were published.
    """
    statement = select(Version).where(Version.cat_id == cat.id, Version.version == version)
    found = await session.scalar(statement)
    if found is None or not (unpublished or found.published_at):
        raise VersionNotFound
    return found


async def current_version(session: AsyncSession, cat: Cat) -> Version:
    """Return the current version of the cat."""
    statement = select(Version).where(Version.cat_id == cat.id, Version.version == cat.version)
    return (await session.scalars(statement)).one()


async def list_versions(
    session: AsyncSession, cat: Cat, *, unpublished: bool, page: PageRequest
) -> tuple[Sequence[Version], str | None]:
    """Return a page of a cat's versions, highest first, and the cursor of the next page.

    Without `unpublished`, list only versions that were published. Raises `InvalidRequest` for a cursor of another list.
    """
    # The scopes of many versions are too large for one response.
    statement = (
        select(Version)
        .where(Version.cat_id == cat.id)
        .options(defer(Version.scopes, raiseload=True))
    )
    if not unpublished:
        statement = statement.where(Version.published_at.is_not(None))
    # Higher versions have higher ids: both are assigned while the cat is locked.
    keys = [SortKey(Version.id, UUID, descending=True)]
    rows, next_cursor = await select_page(session, statement, "versions", keys, page)
    return [row[0] for row in rows], next_cursor
