"""Quotas: limits on the rows of one person, so that nobody can fill the database.

Add the row first, and count afterwards. A request that is refused for another reason then does not count:

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
        "You have reached the limit for one person. Remove some of these, or ask an admin for more."
    )

    def __init__(self, quota: str, limit: int) -> None:
        super().__init__(
            f"You have {limit} {quota}, which is the limit for one person. Remove some, or ask an admin for more.",
            quota=quota,
            limit=limit,
        )


async def lock_quotas(session: AsyncSession, owner: UUID) -> None:
    """Block other counts for the same owner until this transaction ends, so that a count is exact."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(owner), 0))))


def refuse_beyond(quota: str, count: int, limit: int) -> None:
    """Raise `QuotaReached` if the count, including the new row, is above the limit."""
    if count > limit:
        raise QuotaReached(quota, limit)
