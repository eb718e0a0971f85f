"""Revocations: people with access tokens that are refused before they expire, in the order of the commits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cathouse_kit.revocations import PAGE_ENTRIES
from sqlalchemy import func, not_, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_auth.models import Person, Revocation
from cathouse_auth.services.keys import ACCESS_TOKEN_SECONDS

# An active person is listed until every older token has expired, plus one minute, because clocks differ. Disabled
# people are always listed, because the credentials of their installations do not expire.
_LISTED_FOR = timedelta(seconds=ACCESS_TOKEN_SECONDS) + timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Entry:
    user_id: UUID
    active: bool
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """A page of the list. Pass `next_since` to get the next page; `more` is true if that page has entries already."""

    items: list[Entry]
    next_since: int
    more: bool


async def revoke(session: AsyncSession, person_id: UUID) -> None:
    """End all current access tokens of a person. The caller holds the lock of the person's row.

    Tokens are issued under the same lock, with an `iat` from the same clock. So older tokens are before `not_before`,
    and newer tokens are not, even within one second.
    """
    # This lock is held until the commit, so revisions are committed in order. A sequence alone could commit a lower
    # number later, after a reader has passed it.
    await session.execute(
        text("select pg_advisory_xact_lock(hashtextextended('auth.revocations', 0))")
    )
    statement = insert(Revocation).values(person_id=person_id, not_before=func.clock_timestamp())
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[Revocation.person_id],
            set_={
                "not_before": statement.excluded.not_before,
                "revision": statement.excluded.revision,
            },
        )
    )


async def list_changes(session: AsyncSession, since: int) -> Changes:
    """Return at most `PAGE_ENTRIES` entries with a revision above `since`, in ascending order.

    If `since` is above every revision, it comes from another database, such as before a restore. The list then starts
    from the beginning.
    """
    newest = await session.scalar(select(func.max(Revocation.revision))) or 0
    if since == newest:
        return Changes([], newest, more=False)
    if since > newest:
        since = 0
    rows = (
        await session.execute(
            select(
                Revocation.revision, Revocation.person_id, Person.is_active, Revocation.not_before
            )
            .join(Person, Person.id == Revocation.person_id)
            .where(
                Revocation.revision > since,
                or_(not_(Person.is_active), Revocation.not_before > func.now() - _LISTED_FOR),
            )
            .order_by(Revocation.revision)
            .limit(PAGE_ENTRIES)
        )
    ).all()
    items = [Entry(row.person_id, row.is_active, row.not_before) for row in rows]
    if len(rows) == PAGE_ENTRIES:
        return Changes(items, rows[-1].revision, more=True)
    # The rows were read after `newest`, so they may contain later revisions.
    return Changes(items, max([newest, *(row.revision for row in rows[-1:])]), more=False)
