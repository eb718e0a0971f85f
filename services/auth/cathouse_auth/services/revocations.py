"""Revocations: the people whose access tokens end before their time, in the order in which that was committed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cathouse_kit.revocations import PAGE_ENTRIES
from sqlalchemy import func, not_, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_auth.models import Person, Revocation
from cathouse_auth.services.keys import ACCESS_TOKEN_SECONDS

# An entry of an active person is listed until every token from before it has expired, and a minute longer, because
# clocks differ. Entries of disabled people are listed always: the credentials of their installations do not expire.
_LISTED_FOR = timedelta(seconds=ACCESS_TOKEN_SECONDS) + timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Entry:
    user_id: UUID
    active: bool
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """Some of the list. `next_since` asks for what follows; `more` says whether some of it is there already."""

    items: list[Entry]
    next_since: int
    more: bool


async def revoke(session: AsyncSession, person_id: UUID) -> None:
    """End the access tokens that a person has now. The caller holds the lock of the person's row.

    Tokens are issued under that lock too, and get their `iat` from the same clock. So a token that was issued before is
    older than `not_before`, and one that is issued after is not, also within one second.
    """
    # One at a time until the commit: a reader who sees a revision has seen all lower ones. A sequence alone would let
    # a lower number be committed later, when the reader is past it.
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
    """Return at most `PAGE_ENTRIES` entries with a revision above `since`, the lowest revision first.

    A `since` above every revision is of another database, such as the one before a restore: the list begins anew.
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
    # The rows were read after `newest`, so they may go beyond it.
    return Changes(items, max([newest, *(row.revision for row in rows[-1:])]), more=False)
