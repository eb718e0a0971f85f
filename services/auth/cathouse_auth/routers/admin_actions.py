"""What admins did, for admins."""

from typing import Annotated
from uuid import UUID

from cathouse_kit import admin_actions
from cathouse_kit.admin_actions import AdminActionBody
from cathouse_kit.database import Session
from cathouse_kit.pagination import Paging
from cathouse_kit.problems import Forbidden, problem_responses
from cathouse_kit.revocations import AccountDisabled
from cathouse_kit.schemas import Page
from fastapi import APIRouter, Query

from cathouse_auth.models import AdminAction
from cathouse_auth.routers.guards import ActiveAdmin

router = APIRouter(prefix="/api/v1/auth/admin-actions", tags=["admin actions"])


@router.get(
    "",
    response_model=Page[AdminActionBody],
    responses=problem_responses(AccountDisabled, Forbidden),
    summary="List what admins did, newest first",
)
async def list_admin_actions(
    _admin: ActiveAdmin,
    session: Session,
    page: Paging,
    admin_id: Annotated[UUID | None, Query(description="Only actions of this admin")] = None,
    subject_id: Annotated[UUID | None, Query(description="Only actions on this person")] = None,
) -> dict[str, object]:
    """Actions are recorded as they happen, and never changed or deleted."""
    items, next_cursor = await admin_actions.list_admin_actions(
        session, AdminAction, page, admin_id=admin_id, subject_id=subject_id
    )
    return {"items": items, "next_cursor": next_cursor}
