"""Routes of reviews."""

from cathouse_kit.database import Session
from cathouse_kit.pagination import Paging
from cathouse_kit.problems import (
    Forbidden,
    ServiceUnavailable,
    Unauthenticated,
    problem_responses,
)
from cathouse_kit.quotas import QuotaReached
from cathouse_kit.schemas import Page
from cathouse_kit.security import MaybeSignedIn
from cathouse_kit.service_client import PeerUnavailable
from cathouse_platform.guards import Player
from fastapi import APIRouter, Response

from cathouse_catalog.models import Review
from cathouse_catalog.resources import ResourcesDep
from cathouse_catalog.routers.parameters import OPTIONAL_SIGN_IN, CatId, CatReference
from cathouse_catalog.schemas.reviews import NewReview, ReviewBody
from cathouse_catalog.services import access, reviews
from cathouse_catalog.services.errors import CatNotFound, NotAdopted, ReviewNotFound

router = APIRouter(prefix="/api/v1/catalog/cats/{cat_id}/reviews", tags=["reviews"])


@router.get(
    "",
    response_model=Page[ReviewBody],
    responses=problem_responses(Unauthenticated, CatNotFound),
    openapi_extra=OPTIONAL_SIGN_IN,
    summary="List the reviews of a cat",
)
async def list_reviews(
    cat: CatReference, viewer: MaybeSignedIn, session: Session, page: Paging
) -> Page[ReviewBody]:
    """The list begins with the newest. Everyone who can see the cat can see its reviews."""
    found = await access.visible_cat(session, cat, viewer)
    items, next_cursor = await reviews.list_reviews(session, found, page)
    return Page(items=[ReviewBody.model_validate(item) for item in items], next_cursor=next_cursor)


@router.put(
    "/mine",
    response_model=ReviewBody,
    responses=problem_responses(
        Forbidden, NotAdopted, CatNotFound, QuotaReached, PeerUnavailable, ServiceUnavailable
    )
    | {201: {"model": ReviewBody, "description": "The player's first review of this cat"}},
    summary="Review a cat, or change my review",
)
async def write_my_review(
    cat_id: CatId,
    body: NewReview,
    player: Player,
    session: Session,
    response: Response,
    resources: ResourcesDep,
) -> Review:
    """Players who have adopted the cat, now or in the past, can write one review of it. Writing again replaces it."""
    review, is_first = await reviews.write_review(
        session,
        resources.adoptions,
        cat_id,
        player.id,
        rating=body.rating,
        comment=body.comment,
        max_reviews=resources.settings.max_reviews_per_player,
    )
    response.status_code = 201 if is_first else 200
    return review


@router.delete(
    "/mine",
    status_code=204,
    response_model=None,
    responses=problem_responses(Forbidden, CatNotFound, ReviewNotFound),
    summary="Delete my review",
)
async def delete_my_review(cat_id: CatId, player: Player, session: Session) -> None:
    await reviews.delete_review(session, cat_id, player.id)
