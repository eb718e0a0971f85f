"""Accounts: registration, sign-in and sessions.

No database connection is held while a password is hashed. Otherwise a few sign-ins would hold all connections of the
pool, and every other route would wait.
"""

import hashlib
import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from cathouse_kit.problems import Problem
from cathouse_kit.revocations import AccountDisabled
from cathouse_kit.security_events import log_event, log_on_commit
from cathouse_platform.platform import Role
from cathouse_platform.security_events import SecurityEvent
from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_auth.models import Person, RefreshToken, SignInSession
from cathouse_auth.services.emails import email_key
from cathouse_auth.services.errors import (
    EmailTaken,
    InvalidRefreshToken,
    PasswordIsEmail,
    PasswordTooWeak,
    WrongCredentials,
    WrongPassword,
)
from cathouse_auth.services.keys import SigningKeys
from cathouse_auth.services.password_strength import weakness
from cathouse_auth.services.passwords import Passwords, prepared

REFRESH_TOKEN_LIFE = timedelta(days=30)
# Used tokens that are kept for each session. Without a limit, a client that refreshes in a loop would fill the disk. A
# client that refreshes whenever its access token expires reaches this number after ten days.
MOST_USED_TOKENS = 1000
# More than one: each sign-in adds one session, and the number of expired sessions must fall.
_EXPIRED_DELETED_PER_SIGN_IN = 10


@dataclass(frozen=True, slots=True)
class Tokens:
    """A pair of tokens: an access token for requests, and a refresh token for the next pair."""

    access_token: str
    refresh_token: str


async def register(
    session: AsyncSession,
    passwords: Passwords,
    *,
    email: str,
    password: str,
    display_name: str,
    role: Role,
) -> Person:
    """Create an account. `email` must be in lower case.

    Raises `EmailTaken`, `PasswordIsEmail`, `PasswordTooWeak` and `PasswordQueueFull`.
    """
    _refuse_weak(password, email, display_name, field="password")
    password_hash = await passwords.hash(password)
    # A single statement: of several simultaneous registrations with one email, exactly one succeeds.
    statement = (
        insert(Person)
        .values(
            email=email,
            email_key=email_key(email),
            password_hash=password_hash,
            display_name=display_name,
            role=role,
        )
        .on_conflict_do_nothing()
        .returning(Person)
    )
    person = await session.scalar(statement)
    if person is None:
        raise EmailTaken
    return person


async def sign_in(
    session: AsyncSession, passwords: Passwords, keys: SigningKeys, *, email: str, password: str
) -> Tokens:
    """Begin a session and return its first tokens. `email` must be in lower case.

    Raises `WrongCredentials`, `PasswordQueueFull`, and `AccountDisabled` if the password is right. An unknown email
    costs the same time as a wrong password, so the time does not reveal which emails have an account.
    """
    # Two old accounts may have emails that differ only by spelling. The exact spelling selects the account.
    someone = await session.scalar(
        select(Person)
        .where(or_(Person.email == email, Person.email_key == email_key(email)))
        .order_by((Person.email == email).desc())
        .limit(1)
    )
    person = await _lock_by_password(session, passwords, someone, password)
    if person is None:
        reason = "wrong_password" if someone else "unknown_account"
        raise _refused_sign_in(someone, WrongCredentials(), reason)
    if not person.is_active:
        raise _refused_sign_in(person, AccountDisabled(), "account_disabled")
    await _delete_expired_sessions(session)
    family = SignInSession(person_id=person.id, expires_at=func.now() + REFRESH_TOKEN_LIFE)
    session.add(family)
    await session.flush()
    log_on_commit(session, SecurityEvent.SIGNED_IN, actor_id=person.id, subject_id=person.id)
    return await _issue(session, keys, person, family.id)


async def refresh(session: AsyncSession, keys: SigningKeys, refresh_token: str) -> Tokens:
    """Exchange a refresh token for a new pair.

    A token that is used a second time ends its whole session, because either user of the token may be a thief. See RFC
    9700, section 4.14.2. Raises `InvalidRefreshToken` and `AccountDisabled`.
    """
    token_hash = _hash(refresh_token)
    # Lock the person before the session, as all functions that lock both do. The lock keeps the role unchanged until
    # the token has been issued with it.
    person = await session.scalar(
        select(Person)
        .join(SignInSession, SignInSession.person_id == Person.id)
        .join(RefreshToken, RefreshToken.session_id == SignInSession.id)
        .where(RefreshToken.token_hash == token_hash)
        .with_for_update(of=Person, read=True)
    )
    # The lock lets one of two simultaneous uses win. The other one reads the token afterwards, as used.
    family = await session.scalar(
        select(SignInSession)
        .join(RefreshToken, RefreshToken.session_id == SignInSession.id)
        .where(RefreshToken.token_hash == token_hash, SignInSession.expires_at > func.now())
        .with_for_update(of=SignInSession)
    )
    if person is None or family is None:
        raise InvalidRefreshToken
    token = await session.get(RefreshToken, token_hash)
    if token is None:
        raise InvalidRefreshToken
    if token.used_at is not None:
        await _end_sessions(session, SignInSession.id == family.id, "refresh_token_reused")
        # Raising the error below would roll this back.
        await session.commit()
        raise InvalidRefreshToken
    if not person.is_active:
        raise AccountDisabled
    token.used_at = func.now()
    family.expires_at = func.now() + REFRESH_TOKEN_LIFE
    of_family = RefreshToken.session_id == family.id
    surplus = (
        select(RefreshToken.created_at)
        .where(of_family)
        .order_by(RefreshToken.created_at.desc())
        .offset(MOST_USED_TOKENS)
        .limit(1)
    ).scalar_subquery()
    too_old = RefreshToken.created_at < func.now() - REFRESH_TOKEN_LIFE
    await session.execute(
        delete(RefreshToken)
        .where(of_family, or_(too_old, RefreshToken.created_at <= surplus))
        .execution_options(synchronize_session=False)
    )
    return await _issue(session, keys, person, family.id)


async def sign_out(session: AsyncSession, refresh_token: str) -> None:
    """End the session of a refresh token. An unknown token counts as signed out (RFC 7009, section 2.2)."""
    family = select(RefreshToken.session_id).where(RefreshToken.token_hash == _hash(refresh_token))
    await _end_sessions(session, SignInSession.id.in_(family), "signed_out")


async def change_password(
    session: AsyncSession,
    passwords: Passwords,
    person: Person,
    access_token_id: UUID,
    *,
    current_password: str,
    new_password: str,
) -> None:
    """Set a new password and end every session of the person, except the one of the access token.

    Raises `WrongPassword`, `PasswordIsEmail`, `PasswordTooWeak`, `AccountDisabled` and `PasswordQueueFull`.
    """
    _refuse_weak(new_password, person.email, person.display_name, field="new_password")
    await session.commit()  # returns the connection to the pool
    new_hash = await passwords.hash(new_password)
    proven = await _lock_by_password(session, passwords, person, current_password)
    if proven is None:
        log_event(
            SecurityEvent.PASSWORD_CHANGE_FAILED,
            actor_id=person.id,
            subject_id=person.id,
            reason="wrong_password",
        )
        raise WrongPassword
    if not proven.is_active:
        raise AccountDisabled
    proven.password_hash = new_hash
    log_on_commit(session, SecurityEvent.PASSWORD_CHANGED, actor_id=person.id, subject_id=person.id)
    current = select(RefreshToken.session_id).where(RefreshToken.access_token_id == access_token_id)
    others = (SignInSession.person_id == person.id) & SignInSession.id.not_in(current)
    await _end_sessions(session, others, "password_changed", ended_by=person.id)


async def end_all_sessions(
    session: AsyncSession, person_id: UUID, reason: str, *, ended_by: UUID
) -> None:
    """End every session of a person."""
    await _end_sessions(session, SignInSession.person_id == person_id, reason, ended_by=ended_by)


def _refused_sign_in(person: Person | None, refusal: Problem, reason: str) -> Problem:
    log_event(
        SecurityEvent.SIGN_IN_FAILED,
        actor_id=None,
        subject_id=person.id if person else None,
        reason=reason,
    )
    return refusal


async def _lock_by_password(
    session: AsyncSession, passwords: Passwords, person: Person | None, password: str
) -> Person | None:
    """Return the person, locked and read again, or None if the password is wrong or `person` is None.

    The lock prevents a change of the password and the disabling of the person until the transaction ends.
    """
    while True:
        await session.commit()  # returns the connection to the pool
        password_hash = person.password_hash if person else None
        fresh_hash = await passwords.verify(password, password_hash)
        if fresh_hash is None:
            return None
        assert person is not None  # noqa: S101 - no password fits no one
        person = await session.scalar(
            select(Person)
            .where(Person.id == person.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        if person and person.password_hash == password_hash:
            person.password_hash = fresh_hash
            return person
        # The hash changed during the comparison, so the password must be compared with the new one.


def _refuse_weak(password: str, email: str, display_name: str, *, field: str) -> None:
    if email_key(password.strip()) == email_key(email):
        raise PasswordIsEmail(field)
    if why := weakness(prepared(password), email=email, display_name=display_name):
        raise PasswordTooWeak(field, why)


async def _delete_expired_sessions(session: AsyncSession) -> None:
    expired = (
        select(SignInSession.id)
        .where(SignInSession.expires_at <= func.now())
        .order_by(SignInSession.expires_at)
        .limit(_EXPIRED_DELETED_PER_SIGN_IN)
        .with_for_update(skip_locked=True)
    )
    await _end_sessions(session, SignInSession.id.in_(expired), "expired")


async def _end_sessions(
    session: AsyncSession, which: ColumnElement[bool], reason: str, *, ended_by: UUID | None = None
) -> None:
    ended = await session.scalars(
        delete(SignInSession)
        .where(which)
        .returning(SignInSession.person_id)
        .execution_options(synchronize_session=False)
    )
    for person_id, sessions in Counter(ended).items():
        log_on_commit(
            session,
            SecurityEvent.SESSION_ENDED,
            actor_id=ended_by,
            subject_id=person_id,
            reason=reason,
            sessions=sessions,
        )


async def _issue(
    session: AsyncSession, keys: SigningKeys, person: Person, session_id: UUID
) -> Tokens:
    """Issue the next pair of a session. The caller holds the lock of the person's row."""
    refresh_token = secrets.token_urlsafe(32)
    pair = RefreshToken(
        token_hash=_hash(refresh_token),
        session_id=session_id,
        access_token_id=uuid4(),
        # Not now(), the start of the transaction: it may have waited for the lock since then. See revocations.revoke.
        created_at=func.clock_timestamp(),
    )
    session.add(pair)
    await session.flush()
    access_token = await keys.sign(
        session, person.id, person.role, token_id=pair.access_token_id, issued_at=pair.created_at
    )
    return Tokens(access_token, refresh_token)


def _hash(refresh_token: str) -> bytes:
    # A fast hash is enough: a token has 256 random bits.
    return hashlib.sha256(refresh_token.encode()).digest()
