"""The record of admin actions. Only admins can read it."""

from typing import Annotated
from uuid import UUID

from cathouse_kit.database import Session
from cathouse_kit.pagination import PageRequest
from cathouse_kit.problems import Forbidden, problem_responses
from cathouse_kit.schemas import Page
from cathouse_platform import admin_actions
from cathouse_platform.admin_actions import AdminActionBody
from cathouse_platform.guards import Admin
from fastapi import APIRouter, Query
from pydantic import Field

from cathouse_catalog.models import AdminAction

router = APIRouter(prefix="/api/v1/catalog/admin-actions", tags=["admin actions"])


class AdminActionQuery(PageRequest):
    admin_id: UUID | None = Field(default=None, description="Only actions of this admin")
    subject_id: UUID | None = Field(default=None, description="Only actions on this cat")


@router.get(
    "",
    response_model=Page[AdminActionBody],
    responses=problem_responses(Forbidden),
    summary="List actions of admins, newest first",
)
async def list_admin_actions(
    _admin: Admin,
    session: Session,
    query: Annotated[AdminActionQuery, Query()],
) -> dict[str, object]:
    """Actions are recorded in the transaction that performs them, and are never changed or deleted."""
    items, next_cursor = await admin_actions.list_admin_actions(
        session, AdminAction, query, admin_id=query.admin_id, subject_id=query.subject_id
    )
    return {"items": items, "next_cursor": next_cursor}
