"""Verification of an installation for other services."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Executable,
    LargeBinary,
    Uuid,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_installation.models import Installation, Status
from cathouse_installation.services.credentials import hash_credential
from cathouse_installation.services.errors import UnknownInstallation

# `last_used_at` may be this much too old. In return, few verifications write to the database.
LAST_USED_RESOLUTION = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Permission:
    """The owner, status and granted scopes of an installation."""

    installation_id: UUID
    user_id: UUID
    cat_id: UUID
    status: Status
    granted_scopes: list[str]


def _look_up(which: ColumnElement[bool], *used: ColumnElement[bool]) -> Executable:
    """Return a statement that reads an installation, and updates `last_used_at` of an active one.

    The update happens only if every condition in `used` holds.
    """
    # skip_locked: if another transaction holds the row, do not wait. The next verification updates it.
    not_noted = (
        select(Installation.id)
        .where(
            which,
            *used,
            Installation.status == Status.ACTIVE,
            or_(
                Installation.last_used_at.is_(None),
                Installation.last_used_at < func.now() - LAST_USED_RESOLUTION,
            ),
        )
        .with_for_update(skip_locked=True, key_share=True)
    )
    noted = (
        update(Installation)
        .where(Installation.id.in_(not_noted))
        .values(last_used_at=func.now())
        .returning(Installation.id)
        .cte("noted")
    )
    # Only the columns that are needed: parsing the settings would cost time in each proxied call.
    return (
        select(
            Installation.id,
            Installation.user_id,
            Installation.cat_id,
            Installation.status,
            Installation.granted_scopes,
        )
        .where(which)
        .add_cte(noted)
    )


# Built once, because proxied calls run them often.
_BY_CREDENTIAL = _look_up(Installation.credential_hash == bindparam("value", type_=LargeBinary))
_BY_ID = _look_up(
    Installation.id == bindparam("value", type_=Uuid),
    Installation.user_id == bindparam("used_by", type_=Uuid),
)


async def verify(
    session: AsyncSession,
    *,
    credential: str | None,
    installation_id: UUID | None,
    used_by: UUID | None = None,
) -> Permission:
    """Return the permission of the installation with this credential, or without one, with this id.

    Update `last_used_at` of an active installation that was found by its credential. By id, update it only if `used_by`
    is the owner. Raises `UnknownInstallation`.
    """
    if credential is not None:
        found = await session.execute(_BY_CREDENTIAL, {"value": hash_credential(credential)})
    else:
        found = await session.execute(_BY_ID, {"value": installation_id, "used_by": used_by})
    row = found.one_or_none()
    if row is None:
        raise UnknownInstallation
    return Permission(*row)
