"""Guards that check the database, because an access token only states the facts of the time when it was signed."""

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
    """Return the person who calls. Raises `Unauthenticated` and `AccountDisabled`."""
    return await people.active_person(session, principal.id)


ActivePerson = Annotated[Person, Depends(active_person)]


@guard("admin")
async def active_admin(person: ActivePerson) -> Person:
    """Return the admin who calls. Raises `Forbidden` for others, even if their token has the role admin."""
    if person.role != Role.ADMIN:
        raise Forbidden(f"This requires the role {Role.ADMIN}. Your role is {person.role}.")
    return person


ActiveAdmin = Annotated[Person, Depends(active_admin)]
