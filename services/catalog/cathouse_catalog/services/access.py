"""Who may see a cat, and how much of it."""

from typing import Any
from uuid import UUID

from cathouse_kit.problems import Unauthenticated
from cathouse_kit.tokens import Principal
from cathouse_platform.platform import Role
from sqlalchemy import select
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


def is_insider(developer_id: UUID, viewer: Principal | None) -> bool:
    """Return whether this person sees all of a developer's cat. The developer and admins do, in every status."""
    return viewer is not None and (viewer.role == Role.ADMIN or viewer.id == developer_id)


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
    if found.status != CatStatus.PUBLISHED and not is_insider(found.developer_id, viewer):
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


def listed_to(viewer: Principal | None, *, mine: bool, status: CatStatus | None) -> dict[str, Any]:
    """Return the filters of a list: published cats, a person's own, or, for admins, those of any status.

    Raises `Unauthenticated` and `UnpublishedCatsHidden`.
    """
    if not mine and status in (None, CatStatus.PUBLISHED):
        return {"published": True}
    if viewer is None:
        raise Unauthenticated("Sign in to see cats that are not published.")
    if not mine and viewer.role != Role.ADMIN:
        raise UnpublishedCatsHidden
    filters: dict[str, Any] = {"developer_id": viewer.id} if mine else {}
    return filters | ({"status": status} if status else {})


def refuse_to_list_pending_endpoints(viewer: Principal | None, *, mine: bool) -> None:
    """Raise `Unauthenticated` or `EndpointReviewsHidden` where this person may not see which endpoints wait for a
    review."""
    if viewer is None:
        raise Unauthenticated("Sign in to see which endpoints wait for a review.")
    if not mine and viewer.role != Role.ADMIN:
        raise EndpointReviewsHidden
