"""Routes to find, read, create and change cats."""

from typing import Annotated, Any

from cathouse_kit.database import Session
from cathouse_kit.pagination import PageRequest
from cathouse_kit.problems import Forbidden, InvalidRequest, Unauthenticated, problem_responses
from cathouse_kit.quotas import QuotaReached
from cathouse_kit.schemas import Line, Page
from cathouse_kit.security import MaybeSignedIn
from cathouse_kit.service_context import ServiceContext
from cathouse_platform.guards import Developer
from fastapi import APIRouter, Query, Request
from pydantic import Field, StringConstraints

from cathouse_catalog.models import CatStatus
from cathouse_catalog.resources import ResourcesDep
from cathouse_catalog.routers.parameters import OPTIONAL_SIGN_IN, CatId, CatReference
from cathouse_catalog.schemas.cats import (
    CatBody,
    CatChanges,
    ListedCat,
    NewCat,
    listed_cat,
)
from cathouse_catalog.schemas.fields import Category
from cathouse_catalog.services import access, cats, listing
from cathouse_catalog.services.endpoints import refuse_http
from cathouse_catalog.services.errors import (
    CatNotFound,
    EndpointReviewsHidden,
    NameMakesNoSlug,
    NotYourCat,
    SlugTaken,
    UnpublishedCatsHidden,
    WrongStatus,
)
from cathouse_catalog.services.listing import CatSort

router = APIRouter(prefix="/api/v1/catalog/cats", tags=["cats"])

Search = Annotated[Line, StringConstraints(max_length=200)]


class CatQuery(PageRequest):
    q: Search | None = Field(
        default=None,
        description="Search terms. Misspelt names and taglines are also found",
    )
    category: Category | None = Field(default=None, description="Only cats of this category")
    featured: bool | None = Field(
        default=None, description="Only featured cats (`true`), or only others (`false`)"
    )
    sort: CatSort | None = Field(
        default=None,
        description="Default: `relevance` with `q`, otherwise `newest`",
    )
    status: CatStatus | None = Field(
        default=None,
        description="Default: `published`, or with `mine=true` every status. Without `mine=true`, only admins can use "
        "other values",
    )
    mine: bool = Field(
        default=False,
        description="Only your own cats, of every status. You must be signed in",
    )
    endpoint_pending: bool = Field(
        default=False,
        description="Only cats with an endpoint that waits for a review. You must be an admin or set `mine=true`",
    )


@router.get(
    "",
    response_model=Page[ListedCat],
    responses=problem_responses(
        Unauthenticated, UnpublishedCatsHidden, EndpointReviewsHidden, InvalidRequest
    ),
    openapi_extra=OPTIONAL_SIGN_IN,
    summary="Find cats",
)
async def list_cats(
    request: Request,
    viewer: MaybeSignedIn,
    query: Annotated[CatQuery, Query()],
) -> dict[str, Any]:
    """Everyone can list published cats, without signing in.

    Developers list their own cats, including drafts, with `mine=true`. Admins list cats that wait for review with
    `status=submitted`.
    """
    context: ServiceContext = request.app.state.context
    found, next_cursor = await listing.list_cats(
        context.database,
        viewer,
        q=query.q,
        category=query.category,
        featured=query.featured,
        status=query.status,
        mine=query.mine,
        endpoint_pending=query.endpoint_pending,
        sort=query.sort,
        page=query,
    )
    items = [listed_cat(cat, whole=access.is_insider(cat["developer_id"], viewer)) for cat in found]
    return {"items": items, "next_cursor": next_cursor}


@router.get(
    "/{cat_id}",
    response_model=CatBody,
    responses=problem_responses(Unauthenticated, CatNotFound),
    openapi_extra=OPTIONAL_SIGN_IN,
    summary="Get a cat",
)
async def read_cat(cat: CatReference, viewer: MaybeSignedIn, session: Session) -> CatBody:
    """Only its developer and admins can read a cat that is not published."""
    found = await access.visible_cat(session, cat, viewer)
    return CatBody.of(found, whole=access.is_insider(found.developer_id, viewer))


@router.post(
    "",
    status_code=201,
    response_model=CatBody,
    responses=problem_responses(Forbidden, SlugTaken, NameMakesNoSlug, QuotaReached),
    summary="Create a cat",
)
async def create_cat(
    body: NewCat, developer: Developer, session: Session, resources: ResourcesDep
) -> CatBody:
    """The new cat is a draft. Only its developer and admins see it until it is submitted and approved."""
    refuse_http(body.endpoint_url, allow_http=resources.settings.catalog_allow_http_endpoints)
    created = await cats.create_cat(
        session,
        developer,
        **body.model_dump(),
        max_cats=resources.settings.max_cats_per_developer,
        max_drafts=resources.settings.max_drafts_per_developer,
    )
    return CatBody.of(created, whole=True)


@router.patch(
    "/{cat_id}",
    response_model=CatBody,
    responses=problem_responses(Forbidden, NotYourCat, CatNotFound, WrongStatus),
    summary="Change a cat",
)
async def change_cat(
    cat_id: CatId, body: CatChanges, developer: Developer, session: Session, resources: ResourcesDep
) -> CatBody:
    """Changes of a published cat are visible at once. A submitted cat cannot be changed until its review is over.

    After publication, moving `endpoint_url` to another scheme, host or port needs a review. The new address is stored
    as `pending_endpoint_url`, and the cat keeps its old endpoint until an admin approves the new one. To cancel the
    move, set `endpoint_url` to its current value.
    """
    changes = body.model_dump(exclude_unset=True)
    refuse_http(
        changes.get("endpoint_url"), allow_http=resources.settings.catalog_allow_http_endpoints
    )
    return CatBody.of(await cats.change_cat(session, cat_id, developer, changes), whole=True)
