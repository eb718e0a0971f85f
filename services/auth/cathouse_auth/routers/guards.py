"""Who may call, judged by the database: an access token tells what was true when it was signed."""

from typing import Annotated

from cathouse_kit.database import Session
from cathouse_kit.problems import Forbidden
from cathouse_kit.security import SignedIn, guard
from cathouse_platform.platform import Role
from fastapi import Depends

from cathouse_auth.models import Person
from cathouse_auth.services import people


@guard("signed in")
async def active_person(principal: SignedIn, session: Session) -> Person:
    """The person who calls. Raises `AccountDisabled`."""
    return await people.active_person(session, principal.id)


ActivePerson = Annotated[Person, Depends(active_person)]


@guard("admin")
async def active_admin(person: ActivePerson) -> Person:
    """The admin who calls. Raises `Forbidden` for others, whatever their token says."""
    if person.role != Role.ADMIN:
        raise Forbidden(f"This is for the role {Role.ADMIN}; yours is {person.role}.")
    return person


ActiveAdmin = Annotated[Person, Depends(active_admin)]
