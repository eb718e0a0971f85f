"""Versions of a cat: semantic versions, which only rise."""

from collections.abc import Sequence
from uuid import UUID

import semver
from cathouse_kit.pages import PageRequest, SortKey, select_page
from cathouse_kit.tokens import Principal
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_catalog.models import Cat, CatStatus, Scope, Version
from cathouse_catalog.services.access import changeable_cat
from cathouse_catalog.services.errors import VersionNotHigher
from cathouse_catalog.services.scopes import refuse_wider_scopes


async def add_version(
    session: AsyncSession,
    cat_id: UUID,
    developer: Principal,
    *,
    version: str,
    release_notes: str,
    scopes: Sequence[Scope] | None,
) -> Version:
    """Makes a new version the current one; without `scopes` it keeps those it has.

    Raises `CatNotFound`, `NotYourCat`, `WrongStatus`, `VersionNotHigher` and, where the cat has been published,
    `ScopeWidened`.
    """
    cat = await changeable_cat(session, cat_id, developer, "give a new version to")
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


async def current_version(session: AsyncSession, cat: Cat) -> Version:
    """The version that the cat has now."""
    statement = select(Version).where(Version.cat_id == cat.id, Version.version == cat.version)
    return (await session.scalars(statement)).one()


async def list_versions(
    session: AsyncSession, cat: Cat, *, unpublished: bool, page: PageRequest
) -> tuple[Sequence[Version], str | None]:
    """A cat's versions, the highest first; those that never were public only with `unpublished`.

    Raises `InvalidRequest` for a cursor of another list.
    """
    statement = select(Version).where(Version.cat_id == cat.id)
    if not unpublished:
        statement = statement.where(Version.published_at.is_not(None))
    # Ids rise with the versions: both are given out under the lock of the cat.
    keys = [SortKey(Version.id, UUID, descending=True)]
    rows, next_cursor = await select_page(session, statement, "versions", keys, page)
    return [row[0] for row in rows], next_cursor
