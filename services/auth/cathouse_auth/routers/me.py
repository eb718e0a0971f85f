"""The person who is signed in."""

from cathouse_kit.database import Session
from cathouse_kit.problems import InvalidRequest, TooManyRequests, problem_responses
from cathouse_kit.revocations import AccountDisabled
from cathouse_kit.security import SignedIn
from cathouse_kit.service_context import ServiceContext
from fastapi import APIRouter, Request

from cathouse_auth.models import Person
from cathouse_auth.resources import ResourcesDep
from cathouse_auth.routers.addresses import address_of
from cathouse_auth.routers.guards import ActivePerson
from cathouse_auth.schemas.people import PasswordChange, PersonBody, ProfileChange
from cathouse_auth.services import accounts, people
from cathouse_auth.services.errors import (
    PasswordIsEmail,
    PasswordQueueFull,
    PasswordTooWeak,
    WrongPassword,
)

router = APIRouter(
    prefix="/api/v1/auth/me", tags=["me"], responses=problem_responses(AccountDisabled)
)


@router.get("", response_model=PersonBody, summary="Read my profile")
async def read_me(principal: SignedIn, request: Request) -> PersonBody:
    context: ServiceContext = request.app.state.context
    person = await people.read_active_person(context.database, principal.id)
    return PersonBody.model_validate(dict(person))


@router.patch("", response_model=PersonBody, summary="Change my profile")
async def change_me(body: ProfileChange, person: ActivePerson, session: Session) -> Person:
    return await people.rename(session, person, body.display_name)


@router.post(
    "/password",
    status_code=204,
    response_model=None,
    responses=problem_responses(
        AccountDisabled,
        WrongPassword,
        InvalidRequest,
        PasswordIsEmail,
        PasswordTooWeak,
        TooManyRequests,
        PasswordQueueFull,
    ),
    summary="Change my password and end all my other sessions",
)
async def change_my_password(
    body: PasswordChange,
    request: Request,
    principal: SignedIn,
    person: ActivePerson,
    session: Session,
    resources: ResourcesDep,
) -> None:
    async with resources.attempts.password(address_of(request), person.email):
        await accounts.change_password(
            session,
            resources.passwords,
            person,
            principal.token_id,
            current_password=body.current_password.get_secret_value(),
            new_password=body.new_password.get_secret_value(),
        )
