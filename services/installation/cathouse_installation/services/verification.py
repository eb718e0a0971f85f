"""Verification: other services ask what an installation may do."""

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

# `last_used_at` may be behind by this much; in return, hardly any verification writes.
LAST_USED_RESOLUTION = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Permission:
    """Whose an installation is, and what it may do."""

    installation_id: UUID
    user_id: UUID
    cat_id: UUID
    status: Status
    granted_scopes: list[str]


def _look_up(which: ColumnElement[bool], *used: ColumnElement[bool]) -> Executable:
    """Reads, and in the same statement notes that an active installation was used, where it was."""
    # skip_locked: whoever is changing the row at this moment is not waited for; the next verification notes it.
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
    # No more than is asked for: the settings would be parsed for each proxied call.
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


# Made once: every proxied call may run one.
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
    """Of the installation that has this credential now, or else of the one with this id. An active one is noted as
    used, by whoever has its credential; by its id only where `used_by` is its owner. Raises `UnknownInstallation`."""
    if credential is not None:
        found = await session.execute(_BY_CREDENTIAL, {"value": hash_credential(credential)})
    else:
        found = await session.execute(_BY_ID, {"value": installation_id, "used_by": used_by})
    row = found.one_or_none()
    if row is None:
        raise UnknownInstallation
    return Permission(*row)
