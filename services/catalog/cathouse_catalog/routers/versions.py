"""Versions of a cat."""

from cathouse_kit.database import Session
from cathouse_kit.pages import Paging
from cathouse_kit.problems import Forbidden, Unauthenticated, problem_responses
from cathouse_kit.schemas import Page
from cathouse_kit.security import Developer, MaybeSignedIn
from fastapi import APIRouter

from cathouse_catalog.models import Version
from cathouse_catalog.routers.parameters import OPTIONAL_SIGN_IN, CatId, CatReference
from cathouse_catalog.schemas.versions import NewVersion, VersionBody
from cathouse_catalog.services import access, versions
from cathouse_catalog.services.errors import (
    CatNotFound,
    NotYourCat,
    ScopeWidened,
    VersionNotHigher,
    WrongStatus,
)

router = APIRouter(prefix="/api/v1/catalog/cats", tags=["versions"])


@router.get(
    "/{cat_id}/versions",
    response_model=Page[VersionBody],
    responses=problem_responses(Unauthenticated, CatNotFound),
    openapi_extra=OPTIONAL_SIGN_IN,
    summary="A cat's versions",
)
async def list_versions(
    cat: CatReference, viewer: MaybeSignedIn, session: Session, page: Paging
) -> Page[VersionBody]:
    """The highest comes first. Versions that never were public are shown to the cat's developer and to admins."""
    found = await access.visible_cat(session, cat, viewer)
    items, next_cursor = await versions.list_versions(
        session, found, unpublished=access.is_insider(found, viewer), page=page
    )
    return Page(items=[VersionBody.model_validate(item) for item in items], next_cursor=next_cursor)


@router.post(
    "/{cat_id}/versions",
    status_code=201,
    response_model=VersionBody,
    responses=problem_responses(
        Forbidden, NotYourCat, CatNotFound, WrongStatus, VersionNotHigher, ScopeWidened
    ),
    summary="Give a cat a new version",
)
async def add_version(
    cat_id: CatId, body: NewVersion, developer: Developer, session: Session
) -> Version:
    """The version is the current one from now on, also of a published cat, and needs no review: a scope that players
    may have granted can open fewer routes than before, never more. More routes need a scope of a new name, which
    players grant or do not."""
    return await versions.add_version(session, cat_id, developer, **body.model_dump())
