"""Idempotency keys: a repeated adoption gets the same response (draft-ietf-httpapi-idempotency-key-header).

A key belongs to one player and one request body, and is kept for `KEEP`. Only successful adoptions are recorded. A
refused adoption wrote nothing, and may succeed when it is repeated.
"""

import hashlib
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_installation.models import IdempotencyKey, Installation

KEEP = timedelta(hours=24)
# Each adoption adds one key and deletes up to this many expired ones.
_FORGOTTEN_AT_ONCE = 100


async def recall(
    session: AsyncSession, user_id: UUID, key: str
) -> tuple[IdempotencyKey, Installation] | None:
    """Return a key and its installation, or None if the key is unknown or expired."""
    found = await session.execute(
        select(IdempotencyKey, Installation)
        .join(Installation, IdempotencyKey.installation_id == Installation.id)
        .where(
            IdempotencyKey.user_id == user_id,
            IdempotencyKey.key_hash == _hash(key),
            IdempotencyKey.created_at > func.now() - KEEP,
        )
    )
    row = found.one_or_none()
    return None if row is None else (row[0], row[1])


async def remember(
    session: AsyncSession,
    user_id: UUID,
    key: str,
    *,
    request_hash: bytes,
    salt: bytes,
    installation_id: UUID,
) -> bool:
    """Record the use of a key. Return False if a concurrent request has already recorded it."""
    statement = insert(IdempotencyKey).values(
        user_id=user_id,
        key_hash=_hash(key),
        request_hash=request_hash,
        salt=salt,
        installation_id=installation_id,
    )
    new = statement.excluded
    # An expired key that is not deleted yet is overwritten. If another open transaction has written the key, this
    # statement waits for its end.
    kept = await session.scalar(
        statement.on_conflict_do_update(
            index_elements=[IdempotencyKey.user_id, IdempotencyKey.key_hash],
            set_={
                "request_hash": new.request_hash,
                "salt": new.salt,
                "installation_id": new.installation_id,
                "created_at": new.created_at,
            },
            where=IdempotencyKey.created_at <= func.now() - KEEP,
        ).returning(IdempotencyKey.installation_id)
    )
    return kept is not None


async def forget_expired(session: AsyncSession) -> None:
    """Delete expired keys. Skip rows that another transaction has locked, so there is no wait."""
    identity = tuple_(IdempotencyKey.user_id, IdempotencyKey.key_hash)
    expired = (
        select(IdempotencyKey.user_id, IdempotencyKey.key_hash)
        .where(IdempotencyKey.created_at <= func.now() - KEEP)
        .limit(_FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    await session.execute(
        delete(IdempotencyKey)
        .where(identity.in_(expired))
        .execution_options(synchronize_session=False)
    )


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
