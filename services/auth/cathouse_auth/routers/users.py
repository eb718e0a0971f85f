"""All people with an account, for admins."""

from uuid import UUID

from cathouse_kit.database import Session
from cathouse_kit.pagination import Paging
from cathouse_kit.problems import Forbidden, problem_responses
from cathouse_kit.revocations import AccountDisabled
from cathouse_kit.schemas import Page
from fastapi import APIRouter

from cathouse_auth.models import Person
from cathouse_auth.routers.guards import ActiveAdmin
from cathouse_auth.schemas.people import PersonBody, PersonChange
from cathouse_auth.services import people
from cathouse_auth.services.errors import LastAdmin, PersonNotFound

router = APIRouter(
    prefix="/api/v1/auth/users",
    tags=["users"],
    responses=problem_responses(AccountDisabled, Forbidden),
)


@router.get("", response_model=Page[PersonBody], summary="List users, newest first")
async def list_users(_admin: ActiveAdmin, session: Session, paging: Paging) -> dict[str, object]:
    items, next_cursor = await people.list_people(session, paging)
    return {"items": items, "next_cursor": next_cursor}


@router.patch(
    "/{person_id}",
    response_model=PersonBody,
    responses=problem_responses(PersonNotFound, LastAdmin),
    summary="Change the role of a user, or disable or enable the user",
)
async def change_user(
    person_id: UUID, body: PersonChange, admin: ActiveAdmin, session: Session
) -> Person:
    return await people.change_person(
        session, person_id, changed_by=admin.id, role=body.role, is_active=body.is_active
    )
