"""Limits on the number of installations and adoptions of a player."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from uuid import UUID

from cathouse_kit.quotas import lock_quotas, refuse_beyond
from sqlalchemy import Interval, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_installation.models import Installation
from cathouse_installation.models.installation import IS_INSTALLED
from cathouse_installation.services.errors import TooManyAdoptions

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one player. The daily limit also bounds the rows of uninstalled installations and of keys."""

    installations: int
    adoptions_a_day: int

    async def keep(self, session: AsyncSession, user_id: UUID) -> None:
        """Refuse the adoption that was just written if it exceeds a limit.

        Raises `QuotaReached` and `TooManyAdoptions`.
        """
        await lock_quotas(session, user_id)
        lately = Installation.installed_at > func.now() - _DAY
        counts = select(
            func.count().filter(IS_INSTALLED),
            func.count().filter(lately),
            cast(func.min(Installation.installed_at).filter(lately) + _DAY - func.now(), Interval),
        ).where(Installation.user_id == user_id)
        installations, adoptions, until_one_less = (await session.execute(counts)).one()
        refuse_beyond("installations", installations, self.installations)
        if adoptions > self.adoptions_a_day:
            raise TooManyAdoptions(ceil(until_one_less.total_seconds()), self.adoptions_a_day)
