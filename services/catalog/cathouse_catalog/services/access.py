"""Who may see a cat, and how much of it."""

from uuid import UUID

from cathouse_kit.problems import Unauthenticated
from cathouse_kit.tokens import Principal, Role
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_catalog.models import Cat, CatStatus
from cathouse_catalog.services.errors import (
    CatNotFound,
    EndpointReviewsHidden,
    NotYourCat,
    UnpublishedCatsHidden,
    WrongStatus,
)

# A submitted cat stands still, so that what an admin approves is what the admin has read. A rejected one is final.
_CHANGEABLE = (CatStatus.DRAFT, CatStatus.PUBLISHED, CatStatus.SUSPENDED)


def is_insider(cat: Cat, viewer: Principal | None) -> bool:
    """Whether this person sees all of the cat, whatever its status: its developer and admins do."""
    return viewer is not None and (viewer.role == Role.ADMIN or viewer.id == cat.developer_id)


async def get_cat(session: AsyncSession, cat: UUID | str) -> Cat:
    """The cat of an id or a slug. Raises `CatNotFound`."""
    by = Cat.id == cat if isinstance(cat, UUID) else Cat.slug == cat
    found = await session.scalar(select(Cat).where(by))
    if found is None:
        raise CatNotFound
    return found


async def visible_cat(session: AsyncSession, cat: UUID | str, viewer: Principal | None) -> Cat:
    """Like `get_cat`. Raises `CatNotFound` also where this person may not know that it exists."""
    found = await get_cat(session, cat)
    if found.status != CatStatus.PUBLISHED and not is_insider(found, viewer):
        raise CatNotFound
    return found


async def locked_cat(session: AsyncSession, cat_id: UUID) -> Cat:
    """The cat, which nobody else changes until this transaction ends. Raises `CatNotFound`."""
    # The weaker of the two locks: reviews and versions that refer to the cat need not wait for it.
    statement = select(Cat).where(Cat.id == cat_id).with_for_update(key_share=True)
    cat = await session.scalar(statement)
    if cat is None:
        raise CatNotFound
    return cat


async def locked_cat_of(session: AsyncSession, cat_id: UUID, developer: Principal) -> Cat:
    """Like `locked_cat`. Raises `NotYourCat` for another's cat, or `CatNotFound` where that one is not published."""
    cat = await locked_cat(session, cat_id)
    if cat.developer_id != developer.id:
        raise NotYourCat if cat.status == CatStatus.PUBLISHED else CatNotFound
    return cat


async def changeable_cat(
    session: AsyncSession, cat_id: UUID, developer: Principal, action: str
) -> Cat:
    """Like `locked_cat_of`. Raises `WrongStatus`, which names the action, where the cat's status keeps it as it is."""
    cat = await locked_cat_of(session, cat_id, developer)
    if cat.status not in _CHANGEABLE:
        raise WrongStatus(action, cat.status, _CHANGEABLE)
    return cat


def listed_to(
    viewer: Principal | None, *, mine: bool, status: CatStatus | None
) -> list[ColumnElement[bool]]:
    """The conditions of what a list shows: published cats, a person's own, or, for admins, those of any status.

    Raises `Unauthenticated` and `UnpublishedCatsHidden`.
    """
    if not mine and status in (None, CatStatus.PUBLISHED):
        return [Cat.status == CatStatus.PUBLISHED]
    if viewer is None:
        raise Unauthenticated("Sign in to see cats that are not published.")
    if not mine and viewer.role != Role.ADMIN:
        raise UnpublishedCatsHidden
    conditions = [Cat.developer_id == viewer.id] if mine else []
    return conditions + ([Cat.status == status] if status else [])


def with_pending_endpoint(viewer: Principal | None, *, mine: bool) -> ColumnElement[bool]:
    """The condition of cats whose endpoint waits for a review. Raises `Unauthenticated` and `EndpointReviewsHidden`."""
    if viewer is None:
        raise Unauthenticated("Sign in to see which endpoints wait for a review.")
    if not mine and viewer.role != Role.ADMIN:
        raise EndpointReviewsHidden
    return Cat.pending_endpoint_url.is_not(None)
