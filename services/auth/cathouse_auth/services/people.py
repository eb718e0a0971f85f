"""People: their profiles, and the changes that they and admins may make."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from cathouse_kit.database import Database
from cathouse_kit.pagination import PageRequest, SortKey, select_page
from cathouse_kit.problems import Forbidden, Unauthenticated
from cathouse_kit.reads import Read
from cathouse_kit.revocations import AccountDisabled
from cathouse_platform.admin_actions import record_admin_action
from cathouse_platform.platform import Role
from cathouse_platform.security_events import SecurityEvent
from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_auth.models import AdminAction, Person
from cathouse_auth.services.accounts import end_all_sessions
from cathouse_auth.services.errors import LastAdmin, PersonNotFound
from cathouse_auth.services.revocations import revoke

_GONE = "The account of this access token no longer exists. Sign in with another account."


class Privileges(NamedTuple):
    """The properties of a person that an admin may change."""

    role: Role
    is_active: bool


async def active_person(session: AsyncSession, person_id: UUID) -> Person:
    """Return the person of an access token, read from the database.

    Raises `AccountDisabled` as soon as the person is disabled, and `Unauthenticated` if they no longer exist.
    """
    person = await session.scalar(select(Person).where(Person.id == person_id))
    if person is None:
        raise Unauthenticated(_GONE)
    if not person.is_active:
        raise AccountDisabled
    return person


_ACTIVE_PERSON = Read(
    select(
        Person.id,
        Person.email,
        Person.display_name,
        Person.role,
        Person.is_active,
        Person.created_at,
        Person.updated_at,
    ).where(Person.id == bindparam("person_id"))
)


async def read_active_person(database: Database, person_id: UUID) -> Mapping[Any, Any]:
    """Return the columns that the person may see. Raises the same errors as `active_person`."""
    rows = await database.read(_ACTIVE_PERSON, person_id=person_id)
    if not rows:
        raise Unauthenticated(_GONE)
    if not rows[0]["is_active"]:
        raise AccountDisabled
    return rows[0]


async def rename(session: AsyncSession, person: Person, display_name: str) -> Person:
    person.display_name = display_name
    await session.flush()
    return person


async def list_people(
    session: AsyncSession, page: PageRequest
) -> tuple[Sequence[Person], str | None]:
    """Return a page of people, newest first, and the next cursor.

    Raises `InvalidRequest` for a cursor of another list.
    """
    rows, next_cursor = await select_page(
        session, select(Person), "newest", [SortKey(Person.id, UUID, descending=True)], page
    )
    return [row[0] for row in rows], next_cursor


async def change_person(
    session: AsyncSession,
    person_id: UUID,
    *,
    changed_by: UUID,
    role: Role | None,
    is_active: bool | None,
) -> Person:
    """Change each value that is not None. Disabling a person ends their sessions; any change ends their access tokens.

    Raises `Forbidden` if `changed_by` is not an active admin, `PersonNotFound`, and `LastAdmin` if no active admin
    would remain.
    """
    # All active admins are locked, in one order, until the transaction ends. If two admins disable each other, the
    # second one is no longer an admin when the lock is free.
    statement = (
        select(Person)
        .where(or_(and_(Person.role == Role.ADMIN, Person.is_active), Person.id == person_id))
        .order_by(Person.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    locked = {person.id: person for person in await session.scalars(statement)}
    if changed_by not in locked or not _is_active_admin(locked[changed_by]):
        raise Forbidden("You are no longer an admin. Ask another admin to make this change.")
    person = locked.get(person_id)
    if person is None:
        raise PersonNotFound
    before = Privileges(person.role, person.is_active)
    if role is not None:
        person.role = role
    if is_active is not None:
        person.is_active = is_active
    if not any(_is_active_admin(someone) for someone in locked.values()):
        raise LastAdmin
    _record(session, person, before, changed_by)
    await session.flush()
    if (person.role, person.is_active) != before:
        await revoke(session, person.id)
    if not person.is_active:
        await end_all_sessions(session, person.id, "account_disabled", ended_by=changed_by)
    return person


def _record(session: AsyncSession, person: Person, before: Privileges, changed_by: UUID) -> None:
    """Record one admin action for each changed value."""
    if person.role != before.role:
        record_admin_action(
            session,
            AdminAction,
            SecurityEvent.ROLE_CHANGED,
            admin_id=changed_by,
            subject_id=person.id,
            before=str(before.role),
            after=str(person.role),
        )
    if person.is_active != before.is_active:
        enabled = person.is_active
        record_admin_action(
            session,
            AdminAction,
            SecurityEvent.ACCOUNT_ENABLED if enabled else SecurityEvent.ACCOUNT_DISABLED,
            admin_id=changed_by,
            subject_id=person.id,
        )


def _is_active_admin(person: Person) -> bool:
    return person.role == Role.ADMIN and person.is_active
