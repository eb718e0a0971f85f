"""The record of admin actions, for admins."""

from typing import Annotated
from uuid import UUID

from cathouse_kit.database import Session
from cathouse_kit.pagination import PageRequest
from cathouse_kit.problems import Forbidden, problem_responses
from cathouse_kit.revocations import AccountDisabled
from cathouse_kit.schemas import Page
from cathouse_platform import admin_actions
from cathouse_platform.admin_actions import AdminActionBody
from fastapi import APIRouter, Query
from pydantic import Field

from cathouse_auth.models import AdminAction
from cathouse_auth.routers.guards import ActiveAdmin

router = APIRouter(prefix="/api/v1/auth/admin-actions", tags=["admin actions"])


class AdminActionQuery(PageRequest):
    admin_id: UUID | None = Field(default=None, description="Only actions of this admin")
    subject_id: UUID | None = Field(default=None, description="Only actions on this person")


@router.get(
    "",
    response_model=Page[AdminActionBody],
    responses=problem_responses(AccountDisabled, Forbidden),
    summary="List admin actions, newest first",
)
async def list_admin_actions(
    _admin: ActiveAdmin,
    session: Session,
    query: Annotated[AdminActionQuery, Query()],
) -> dict[str, object]:
    """Actions are recorded as they happen, and never changed or deleted."""
    items, next_cursor = await admin_actions.list_admin_actions(
        session, AdminAction, query, admin_id=query.admin_id, subject_id=query.subject_id
    )
    return {"items": items, "next_cursor": next_cursor}
