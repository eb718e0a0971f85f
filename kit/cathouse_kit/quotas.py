"""Quotas: how much of something one person may have, so that no one fills the database for all.

A row is added first and counted then, so that a request that is refused for another reason counts nothing:

    await lock_quotas(session, author.id)
    notes = await session.scalar(select(func.count()).where(Note.author_id == author.id))
    refuse_beyond("notes", notes, limit)
"""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_kit.problems import Conflict


class QuotaReached(Conflict):
    title = "Quota reached"
    detail = (
        "You have as many of these as one person may have; remove some, or ask an admin for more."
    )

    def __init__(self, quota: str, limit: int) -> None:
        super().__init__(
            f"You have {limit} {quota}, and one person may have no more: remove some, or ask an admin for more.",
            quota=quota,
            limit=limit,
        )


async def lock_quotas(session: AsyncSession, owner: UUID) -> None:
    """Makes others who count the same owner's rows wait until this transaction ends, so that a count is exact."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(owner), 0))))


def refuse_beyond(quota: str, count: int, limit: int) -> None:
    """Raises `QuotaReached` where a count, the new row included, is beyond the limit."""
    if count > limit:
        raise QuotaReached(quota, limit)
