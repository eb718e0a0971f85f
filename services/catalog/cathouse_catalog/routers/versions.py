"""Routes of a cat's versions."""

from typing import Annotated

from cathouse_kit.database import Session
from cathouse_kit.pagination import Paging
from cathouse_kit.problems import Forbidden, Unauthenticated, problem_responses
from cathouse_kit.quotas import QuotaReached
from cathouse_kit.schemas import Page
from cathouse_kit.security import MaybeSignedIn
from cathouse_platform.guards import Developer
from fastapi import APIRouter, Path

from cathouse_catalog.models import Version
from cathouse_catalog.resources import ResourcesDep
from cathouse_catalog.routers.parameters import OPTIONAL_SIGN_IN, CatId, CatReference
from cathouse_catalog.schemas.fields import MAX_VERSION
from cathouse_catalog.schemas.versions import ListedVersion, NewVersion, VersionBody
from cathouse_catalog.services import access, versions
from cathouse_catalog.services.errors import (
    CatNotFound,
    NotYourCat,
    ScopeWidened,
    TooManyVersions,
    VersionNotFound,
    VersionNotHigher,
    WrongStatus,
)

router = APIRouter(prefix="/api/v1/catalog/cats", tags=["versions"])


@router.get(
    "/{cat_id}/versions",
    response_model=Page[ListedVersion],
    responses=problem_responses(Unauthenticated, CatNotFound),
    openapi_extra=OPTIONAL_SIGN_IN,
    summary="List the versions of a cat",
)
async def list_versions(
    cat: CatReference, viewer: MaybeSignedIn, session: Session, page: Paging
) -> Page[ListedVersion]:
    """The list begins with the highest. Only the cat's developer and admins see versions that were never published."""
    found = await access.visible_cat(session, cat, viewer)
    items, next_cursor = await versions.list_versions(
        session, found, unpublished=access.is_insider(found.developer_id, viewer), page=page
    )
    return Page(
        items=[ListedVersion.model_validate(item) for item in items], next_cursor=next_cursor
    )


@router.get(
    "/{cat_id}/versions/{version}",
    response_model=VersionBody,
    responses=problem_responses(Unauthenticated, CatNotFound, VersionNotFound),
    openapi_extra=OPTIONAL_SIGN_IN,
    summary="Get a version of a cat",
)
async def read_version(
    cat: CatReference,
    version: Annotated[
        str,
        Path(
            max_length=MAX_VERSION,
            description="The version, as in the list of versions",
            examples=["1.2.0"],
        ),
    ],
    viewer: MaybeSignedIn,
    session: Session,
) -> Version:
    """The response includes the scopes that the version declared. Lists omit them."""
    found = await access.visible_cat(session, cat, viewer)
    return await versions.get_version(
        session, found, version, unpublished=access.is_insider(found.developer_id, viewer)
    )


@router.post(
    "/{cat_id}/versions",
    status_code=201,
    response_model=VersionBody,
    responses=problem_responses(
        Forbidden,
        NotYourCat,
        CatNotFound,
        WrongStatus,
        VersionNotHigher,
        ScopeWidened,
        QuotaReached,
        TooManyVersions,
    ),
    summary="Add a version to a cat",
)
async def add_version(
    cat_id: CatId, body: NewVersion, developer: Developer, session: Session, resources: ResourcesDep
) -> Version:
    """The new version becomes the current one at once, also of a published cat. It needs no review.

    A published scope may allow fewer routes than before, but never more, because players have already granted it. For
    more routes, declare a scope with a new name, which players can grant.
    """
    return await versions.add_version(
        session,
        cat_id,
        developer,
        **body.model_dump(),
        max_versions=resources.settings.max_versions_per_cat,
        max_versions_a_day=resources.settings.max_versions_per_cat_a_day,
    )
