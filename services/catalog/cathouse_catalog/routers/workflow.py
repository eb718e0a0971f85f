"""Routes of the review of cats: `draft → submitted → published | rejected`, `published → suspended → published`."""

from cathouse_kit.database import Session
from cathouse_kit.problems import Forbidden, problem_responses
from cathouse_platform.guards import Admin, Developer
from fastapi import APIRouter

from cathouse_catalog.routers.parameters import CatId
from cathouse_catalog.schemas.cats import CatBody, EndpointReview, Featuring, Rejection
from cathouse_catalog.services import endpoints, workflow
from cathouse_catalog.services.errors import (
    CatNotFound,
    EndpointNotPending,
    NotYourCat,
    WrongStatus,
)

_PREFIX = "/api/v1/catalog/cats/{cat_id}"

developers = APIRouter(prefix=_PREFIX, tags=["review"])
admins = APIRouter(
    prefix=_PREFIX,
    tags=["review"],
    responses=problem_responses(Forbidden, CatNotFound, WrongStatus),
)


@developers.post(
    "/submit",
    response_model=CatBody,
    responses=problem_responses(Forbidden, NotYourCat, CatNotFound, WrongStatus),
    summary="Submit a cat for review",
)
async def submit_cat(cat_id: CatId, developer: Developer, session: Session) -> CatBody:
    """The status changes from `draft` to `submitted`. The cat cannot be changed until an admin has decided."""
    return CatBody.of(await workflow.submit(session, cat_id, developer), whole=True)


@admins.post("/approve", response_model=CatBody, summary="Publish a cat")
async def approve_cat(cat_id: CatId, admin: Admin, session: Session) -> CatBody:
    """The status changes from `submitted` to `published`."""
    return CatBody.of(await workflow.approve(session, cat_id, admin), whole=True)


@admins.post("/reject", response_model=CatBody, summary="Reject a cat")
async def reject_cat(cat_id: CatId, body: Rejection, admin: Admin, session: Session) -> CatBody:
    """The status changes from `submitted` to `rejected`, which is final.

    The developer finds the reason in the cat's `rejection_reason`.
    """
    return CatBody.of(await workflow.reject(session, cat_id, admin, body.reason), whole=True)


@admins.post("/suspend", response_model=CatBody, summary="Suspend a cat")
async def suspend_cat(cat_id: CatId, admin: Admin, session: Session) -> CatBody:
    """The status changes from `published` to `suspended`. The cat is no longer featured."""
    return CatBody.of(await workflow.suspend(session, cat_id, admin), whole=True)


@admins.post("/restore", response_model=CatBody, summary="Publish a suspended cat again")
async def restore_cat(cat_id: CatId, admin: Admin, session: Session) -> CatBody:
    """The status changes from `suspended` to `published`."""
    return CatBody.of(await workflow.restore(session, cat_id, admin), whole=True)


@admins.post(
    "/endpoint/approve",
    response_model=CatBody,
    responses=problem_responses(EndpointNotPending),
    summary="Approve a cat's pending endpoint",
)
async def approve_endpoint(
    cat_id: CatId, body: EndpointReview, admin: Admin, session: Session
) -> CatBody:
    """`pending_endpoint_url` becomes `endpoint_url`. From now on, calls of the cat go there."""
    cat = await endpoints.approve_endpoint(session, cat_id, admin, body.endpoint_url)
    return CatBody.of(cat, whole=True)


@admins.post(
    "/endpoint/reject",
    response_model=CatBody,
    responses=problem_responses(EndpointNotPending),
    summary="Reject a cat's pending endpoint",
)
async def reject_endpoint(
    cat_id: CatId, body: EndpointReview, admin: Admin, session: Session
) -> CatBody:
    """The cat keeps its old endpoint, and `pending_endpoint_url` is removed."""
    cat = await endpoints.reject_endpoint(session, cat_id, admin, body.endpoint_url)
    return CatBody.of(cat, whole=True)


@admins.put("/featured", response_model=CatBody, summary="Feature a cat, or stop featuring it")
async def feature_cat(cat_id: CatId, body: Featuring, admin: Admin, session: Session) -> CatBody:
    """Only a published cat can be featured."""
    return CatBody.of(
        await workflow.feature(session, cat_id, admin, featured=body.featured), whole=True
    )
