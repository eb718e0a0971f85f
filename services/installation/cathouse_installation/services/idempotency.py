"""Idempotency keys: a repeated adoption gets the first one's answer (draft-ietf-httpapi-idempotency-key-header).

A key is one person's, good for one body, and kept for `KEEP`. Only adoptions that succeeded are remembered: one that
was refused wrote nothing, and may succeed when it is repeated.
"""

import hashlib
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_installation.models import IdempotencyKey, Installation

KEEP = timedelta(hours=24)
# Forgetting costs an adoption no more than this many rows, and brings in many times more than adoptions add.
_FORGOTTEN_AT_ONCE = 100


async def recall(
    session: AsyncSession, user_id: UUID, key: str
) -> tuple[IdempotencyKey, Installation] | None:
    """What a key was used for, while it is kept."""
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
    """Keeps what a key was used for; False where it is in use already, by someone who was faster."""
    statement = insert(IdempotencyKey).values(
        user_id=user_id,
        key_hash=_hash(key),
        request_hash=request_hash,
        salt=salt,
        installation_id=installation_id,
    )
    new = statement.excluded
    # A key that is no longer kept, but not deleted yet, is free. One in use by a transaction that has not ended makes
    # this wait for its end.
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
    """Deletes keys that are no longer kept. Waits for nobody: what another transaction has locked is left to it."""
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
