"""The review of cats: changes of their status."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cathouse_kit.tokens import Principal
from cathouse_platform.admin_actions import record_admin_action
from cathouse_platform.security_events import SecurityEvent
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_catalog.models import AdminAction, Cat, CatStatus
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
    """Submit a draft for review. Raises `CatNotFound`, `NotYourCat` and `WrongStatus`."""
    return await _move(session, await locked_cat_of(session, cat_id, developer), SUBMIT)


async def approve(session: AsyncSession, cat_id: UUID, admin: Principal) -> Cat:
    """Publish a submitted cat. Raises `CatNotFound` and `WrongStatus`."""
    cat = await _move(session, await locked_cat(session, cat_id), APPROVE)
    (await current_version(session, cat)).published_at = func.now()
    _record(session, SecurityEvent.CAT_APPROVED, cat, admin)
    await session.flush()
    return cat


async def reject(session: AsyncSession, cat_id: UUID, admin: Principal, reason: str) -> Cat:
    """Reject a submitted cat, which is final. Raises `CatNotFound` and `WrongStatus`."""
    cat = await _move(session, await locked_cat(session, cat_id), REJECT, rejection_reason=reason)
    _record(session, SecurityEvent.CAT_REJECTED, cat, admin, reason=reason)
    return cat


async def suspend(session: AsyncSession, cat_id: UUID, admin: Principal) -> Cat:
    """Suspend a published cat, and stop featuring it. Raises `CatNotFound` and `WrongStatus`."""
    cat = await _move(session, await locked_cat(session, cat_id), SUSPEND, featured=False)
    _record(session, SecurityEvent.CAT_SUSPENDED, cat, admin)
    return cat


async def restore(session: AsyncSession, cat_id: UUID, admin: Principal) -> Cat:
    """Publish a suspended cat again. Raises `CatNotFound` and `WrongStatus`."""
    cat = await _move(session, await locked_cat(session, cat_id), RESTORE)
    _record(session, SecurityEvent.CAT_RESTORED, cat, admin)
    return cat


async def feature(session: AsyncSession, cat_id: UUID, admin: Principal, *, featured: bool) -> Cat:
    """Feature a published cat, or stop featuring it. Do nothing if it is so already.

    Raises `CatNotFound` and `WrongStatus`.
    """
    cat = await locked_cat(session, cat_id)
    if cat.status != CatStatus.PUBLISHED:
        raise WrongStatus("feature", cat.status, (CatStatus.PUBLISHED,))
    if cat.featured != featured:
        cat.featured = featured
        event = SecurityEvent.CAT_FEATURED if featured else SecurityEvent.CAT_UNFEATURED
        _record(session, event, cat, admin)
        await session.flush()
    return cat


def _record(
    session: AsyncSession, action: SecurityEvent, cat: Cat, admin: Principal, **unlogged: str
) -> None:
    record_admin_action(
        session, AdminAction, action, admin_id=admin.id, subject_id=cat.id, unlogged=unlogged
    )


async def _move(session: AsyncSession, cat: Cat, move: Move, **changes: Any) -> Cat:
    if cat.status != move.start:
        raise WrongStatus(move.action, cat.status, (move.start,))
    for column, value in {"status": move.end, **changes}.items():
        setattr(cat, column, value)
    await session.flush()
    return cat
