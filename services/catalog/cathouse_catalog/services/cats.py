"""Create and change cats, for their developers."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from cathouse_kit.quotas import lock_quotas, refuse_beyond
from cathouse_kit.tokens import Principal
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_catalog.models import Cat, CatStatus, Scope, Version
from cathouse_catalog.services.access import changeable_cat
from cathouse_catalog.services.endpoints import move_endpoint
from cathouse_catalog.services.errors import SlugTaken
from cathouse_catalog.services.slugs import slug_from


async def create_cat(
    session: AsyncSession,
    developer: Principal,
    *,
    slug: str | None,
    name: str,
    tagline: str,
    description: str,
    category: str,
    endpoint_url: str,
    version: str,
    scopes: Sequence[Scope],
    max_cats: int,
    max_drafts: int,
) -> Cat:
    """Create a draft. Raises `SlugTaken`, `QuotaReached`, and without a slug also `NameMakesNoSlug`."""
    slug = slug or slug_from(name)
    # One statement inserts or detects a conflict, so only one of several concurrent requests gets a slug.
    statement = (
        insert(Cat)
        .values(
            slug=slug,
            name=name,
            tagline=tagline,
            description=description,
            category=category,
            developer_id=developer.id,
            endpoint_url=endpoint_url,
            version=version,
            scopes=scopes,
        )
        .on_conflict_do_nothing(index_elements=[Cat.slug])
        .returning(Cat)
    )
    cat = await session.scalar(statement)
    if cat is None:
        raise SlugTaken(slug)
    session.add(Version(cat_id=cat.id, version=version, release_notes="", scopes=scopes))
    await session.flush()
    await lock_quotas(session, developer.id)
    waiting = Cat.status.in_((CatStatus.DRAFT, CatStatus.SUBMITTED))
    counts = select(func.count(), func.count().filter(waiting)).where(
        Cat.developer_id == developer.id
    )
    cats, drafts = (await session.execute(counts)).one()
    refuse_beyond("cats", cats, max_cats)
    refuse_beyond("cats that are not reviewed yet", drafts, max_drafts)
    return cat


async def change_cat(
    session: AsyncSession, cat_id: UUID, developer: Principal, changes: Mapping[str, Any]
) -> Cat:
    """Set the columns in `changes`. An endpoint of a published cat on another host stays pending until a review.

    Raises `CatNotFound`, `NotYourCat` and `WrongStatus`.
    """
    cat = await changeable_cat(session, cat_id, developer, "change")
    for column, value in changes.items():
        if column == "endpoint_url":
            move_endpoint(cat, value)
        else:
            setattr(cat, column, value)
    await session.flush()
    return cat
