"""The review of cats: who moves a cat from which status to which."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cathouse_kit.tokens import Principal
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_catalog.models import Cat, CatStatus
from cathouse_catalog.services.access import locked_cat, locked_cat_of
from cathouse_catalog.services.errors import WrongStatus
from cathouse_catalog.services.versions import current_version


@dataclass(frozen=True, slots=True)
class Move:
    action: str
    start: CatStatus
    end: CatStatus


SUBMIT = Move("submit", CatStatus.DRAFT, CatStatus.SUBMITTED)
APPROVE = Move("approve", CatStatus.SUBMITTED, CatStatus.PUBLISHED)
REJECT = Move("reject", CatStatus.SUBMITTED, CatStatus.REJECTED)
SUSPEND = Move("suspend", CatStatus.PUBLISHED, CatStatus.SUSPENDED)
RESTORE = Move("restore", CatStatus.SUSPENDED, CatStatus.PUBLISHED)


async def submit(session: AsyncSession, cat_id: UUID, developer: Principal) -> Cat:
    """Asks for a review. Raises `CatNotFound`, `NotYourCat` and `WrongStatus`."""
    return await _move(session, await locked_cat_of(session, cat_id, developer), SUBMIT)


async def approve(session: AsyncSession, cat_id: UUID) -> Cat:
    """Publishes a cat as it was submitted. Raises `CatNotFound` and `WrongStatus`."""
    cat = await _move(session, await locked_cat(session, cat_id), APPROVE)
    (await current_version(session, cat)).published_at = func.now()
    await session.flush()
    return cat


async def reject(session: AsyncSession, cat_id: UUID, reason: str) -> Cat:
    """Ends a review for good. Raises `CatNotFound` and `WrongStatus`."""
    return await _move(session, await locked_cat(session, cat_id), REJECT, rejection_reason=reason)


async def suspend(session: AsyncSession, cat_id: UUID) -> Cat:
    """Hides a published cat; it is no longer featured. Raises `CatNotFound` and `WrongStatus`."""
    return await _move(session, await locked_cat(session, cat_id), SUSPEND, featured=False)


async def restore(session: AsyncSession, cat_id: UUID) -> Cat:
    """Shows a suspended cat again. Raises `CatNotFound` and `WrongStatus`."""
    return await _move(session, await locked_cat(session, cat_id), RESTORE)


async def feature(session: AsyncSession, cat_id: UUID, *, featured: bool) -> Cat:
    """Says whether a published cat is featured. Raises `CatNotFound` and `WrongStatus`."""
    cat = await locked_cat(session, cat_id)
    if cat.status != CatStatus.PUBLISHED:
        raise WrongStatus("feature", cat.status, (CatStatus.PUBLISHED,))
    cat.featured = featured
    await session.flush()
    return cat


async def _move(session: AsyncSession, cat: Cat, move: Move, **changes: Any) -> Cat:
    if cat.status != move.start:
        raise WrongStatus(move.action, cat.status, (move.start,))
    for column, value in {"status": move.end, **changes}.items():
        setattr(cat, column, value)
    await session.flush()
    return cat
