"""Access to cats: check who may see or change a cat, and which fields."""

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

# A submitted cat cannot change, so an admin approves exactly what the admin has read. A rejected cat is final.
_CHANGEABLE = (CatStatus.DRAFT, CatStatus.PUBLISHED, CatStatus.SUSPENDED)


def is_insider(developer_id: UUID, viewer: Principal | None) -> bool:
    """Return whether the viewer is the cat's developer or an admin. They see all fields, in every status."""
    return viewer is not None and (viewer.role == Role.ADMIN or viewer.id == developer_id)


async def get_cat(session: AsyncSession, cat: UUID | str) -> Cat:
    """Return the cat with this id or slug. Raises `CatNotFound`."""
    by = Cat.id == cat if isinstance(cat, UUID) else Cat.slug == cat
    found = await session.scalar(select(Cat).where(by))
    if found is None:
        raise CatNotFound
    return found


async def visible_cat(session: AsyncSession, cat: UUID | str, viewer: Principal | None) -> Cat:
    """Return the cat, as `get_cat`. Raises `CatNotFound` also if the viewer may not see the cat."""
    found = await get_cat(session, cat)
    if found.status != CatStatus.PUBLISHED and not is_insider(found.developer_id, viewer):
        raise CatNotFound
    return found


async def locked_cat(session: AsyncSession, cat_id: UUID) -> Cat:
    """Return the cat, locked against changes until this transaction ends. Raises `CatNotFound`."""
    # FOR NO KEY UPDATE: inserts of reviews and versions, which refer to the cat, do not wait for this lock.
    statement = select(Cat).where(Cat.id == cat_id).with_for_update(key_share=True)
    cat = await session.scalar(statement)
    if cat is None:
        raise CatNotFound
    return cat


async def locked_cat_of(session: AsyncSession, cat_id: UUID, developer: Principal) -> Cat:
    """Return the locked cat of this developer.

    Raises `NotYourCat` for a published cat of another developer, otherwise `CatNotFound`.
    """
    cat = await locked_cat(session, cat_id)
    if cat.developer_id != developer.id:
        raise NotYourCat if cat.status == CatStatus.PUBLISHED else CatNotFound
    return cat


async def changeable_cat(
    session: AsyncSession, cat_id: UUID, developer: Principal, action: str
) -> Cat:
    """Return the locked cat of this developer, as `locked_cat_of`, if its status allows changes.

    Otherwise raise `WrongStatus`, which names the action.
    """
    cat = await locked_cat_of(session, cat_id, developer)
    if cat.status not in _CHANGEABLE:
        raise WrongStatus(action, cat.status, _CHANGEABLE)
    return cat


def listed_to(viewer: Principal | None, *, mine: bool, status: CatStatus | None) -> dict[str, Any]:
    """Return the filters of a list: published cats, the viewer's own cats, or for admins cats of any status.

    Raises `Unauthenticated` and `UnpublishedCatsHidden`.
    """
    if not mine and status in (None, CatStatus.PUBLISHED):
        return {"published": True}
    if viewer is None:
        raise Unauthenticated("Sign in to list cats that are not published.")
    if not mine and viewer.role != Role.ADMIN:
        raise UnpublishedCatsHidden
    filters: dict[str, Any] = {"developer_id": viewer.id} if mine else {}
    return filters | ({"status": status} if status else {})


def refuse_to_list_pending_endpoints(viewer: Principal | None, *, mine: bool) -> None:
    """Raise `Unauthenticated` or `EndpointReviewsHidden` if the viewer may not list pending endpoints."""
    if viewer is None:
        raise Unauthenticated("Sign in to list cats with a pending endpoint.")
    if not mine and viewer.role != Role.ADMIN:
        raise EndpointReviewsHidden
