"""Reviews. Each write locks the cat, and updates its rating count and sum in the same transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from cathouse_kit.pagination import PageRequest, SortKey, select_page
from cathouse_kit.quotas import refuse_beyond
from sqlalchemy import and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_catalog.models import Cat, CatStatus, Review
from cathouse_catalog.services.access import locked_cat
from cathouse_catalog.services.adoptions import Adoptions
from cathouse_catalog.services.errors import CatNotFound, NotAdopted, ReviewNotFound


async def list_reviews(
    session: AsyncSession, cat: Cat, page: PageRequest
) -> tuple[Sequence[Review], str | None]:
    """Return a page of a cat's reviews, newest first, and the cursor of the next page.

    Raises `InvalidRequest` for a cursor of another list.
    """
    keys: list[SortKey[Any]] = [
        SortKey(Review.created_at, datetime.fromisoformat, descending=True),
        SortKey(Review.id, UUID, descending=True),
    ]
    rows, next_cursor = await select_page(
        session, select(Review).where(Review.cat_id == cat.id), "reviews", keys, page
    )
    return [row[0] for row in rows], next_cursor


async def write_review(
    session: AsyncSession,
    adoptions: Adoptions,
    cat_id: UUID,
    user_id: UUID,
    *,
    rating: int,
    comment: str,
    max_reviews: int,
) -> tuple[Review, bool]:
    """Write or replace the user's review of a published cat. Return the review, and whether it is the first.

    Raises `CatNotFound`, `QuotaReached` and `PeerUnavailable`, and `NotAdopted` for a first review by a user who never
    adopted the cat.
    """
    if await _is_first(session, cat_id, user_id):
        # Return the connection to the pool before calling installation, which may be slow.
        await session.commit()
        if not await adoptions.has_adopted(user_id, cat_id):
            raise NotAdopted
    await _lock_published_cat(session, cat_id)
    review = await _review_of(session, cat_id, user_id)
    if review is None:
        await _move_rating(session, cat_id, count=1, total=rating)
        review = Review(cat_id=cat_id, user_id=user_id, rating=rating, comment=comment)
        session.add(review)
        await session.flush()
        # Without a lock, a player who writes several reviews at once may exceed the limit by a few.
        own = select(func.count()).where(Review.user_id == user_id)
        refuse_beyond("reviews", (await session.execute(own)).scalar_one(), max_reviews)
        return review, True
    await _move_rating(session, cat_id, count=0, total=rating - review.rating)
    review.rating, review.comment = rating, comment
    await session.flush()
    return review, False


async def delete_review(session: AsyncSession, cat_id: UUID, user_id: UUID) -> None:
    """Delete the user's review. Raises `CatNotFound` and `ReviewNotFound`."""
    await _lock_published_cat(session, cat_id)
    review = await _review_of(session, cat_id, user_id)
    if review is None:
        raise ReviewNotFound
    await _move_rating(session, cat_id, count=-1, total=-review.rating)
    await session.delete(review)
    await session.flush()


async def _is_first(session: AsyncSession, cat_id: UUID, user_id: UUID) -> bool:
    """Return whether the user has no review of the cat yet. Raises `CatNotFound` for an unpublished cat."""
    own = and_(Review.cat_id == Cat.id, Review.user_id == user_id)
    statement = select(Cat.status, Review.id).outerjoin(Review, own).where(Cat.id == cat_id)
    found = (await session.execute(statement)).one_or_none()
    if found is None or found[0] != CatStatus.PUBLISHED:
        raise CatNotFound
    return found[1] is None


async def _lock_published_cat(session: AsyncSession, cat_id: UUID) -> None:
    cat = await locked_cat(session, cat_id)
    if cat.status != CatStatus.PUBLISHED:
        raise CatNotFound


async def _review_of(session: AsyncSession, cat_id: UUID, user_id: UUID) -> Review | None:
    statement = select(Review).where(Review.cat_id == cat_id, Review.user_id == user_id)
    review: Review | None = await session.scalar(statement)
    return review


async def _move_rating(session: AsyncSession, cat_id: UUID, *, count: int, total: int) -> None:
    await session.execute(
        update(Cat)
        .where(Cat.id == cat_id)
        .values(
            rating_count=Cat.rating_count + count,
            rating_sum=Cat.rating_sum + total,
            # Keep the time: a review does not change the cat itself.
            updated_at=Cat.updated_at,
        )
        .execution_options(synchronize_session=False)
    )
