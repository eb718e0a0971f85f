"""What an owner does with installations.

Their life, and what each request makes of it:

| from | pause | resume | uninstall | anything else that changes it |
| --- | --- | --- | --- | --- |
| active | paused | active | uninstalled | active |
| paused | paused | active | uninstalled | paused |
| uninstalled | refused | refused | uninstalled | refused |
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cathouse_kit.pagination import PageRequest, SortKey, select_page
from cathouse_kit.security_events import log_on_commit
from cathouse_platform.security_events import SecurityEvent
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_installation.models import Installation, Status
from cathouse_installation.services.adoption import WithCredential
from cathouse_installation.services.catalog import Catalog
from cathouse_installation.services.credentials import Credentials, hash_credential
from cathouse_installation.services.errors import (
    CatUnavailable,
    InstallationNotFound,
    InstallationUninstalled,
)


async def list_own(
    session: AsyncSession, user_id: UUID, page: PageRequest
) -> tuple[Sequence[Installation], str | None]:
    """A person's installations, the newest first, uninstalled ones included; and the cursor of the next page."""
    rows, next_cursor = await select_page(
        session,
        select(Installation).where(Installation.user_id == user_id),
        "newest",
        # The identifiers are UUIDv7: their order is that of their making.
        [SortKey(Installation.id.expression, UUID, descending=True)],
        page,
    )
    return [row[0] for row in rows], next_cursor


async def get_own(
    session: AsyncSession, user_id: UUID, installation_id: UUID, *, lock: bool = False
) -> Installation:
    """One of a person's installations; with `lock`, nobody else changes it before the transaction's end.

    Raises `InstallationNotFound`, for another's too.
    """
    statement = select(Installation).where(
        Installation.id == installation_id, Installation.user_id == user_id
    )
    if lock:
        # A row that was read before the lock may have changed since.
        statement = statement.with_for_update(key_share=True).execution_options(
            populate_existing=True
        )
    installation = await session.scalar(statement)
    if installation is None:
        raise InstallationNotFound
    return installation


async def _changeable(session: AsyncSession, user_id: UUID, installation_id: UUID) -> Installation:
    installation = await get_own(session, user_id, installation_id, lock=True)
    if installation.status == Status.UNINSTALLED:
        raise InstallationUninstalled
    return installation


async def change(
    session: AsyncSession, user_id: UUID, installation_id: UUID, changes: dict[str, Any]
) -> Installation:
    """Sets `name` and `settings`, where given. Raises `InstallationNotFound` and `InstallationUninstalled`."""
    installation = await _changeable(session, user_id, installation_id)
    for field, value in changes.items():
        setattr(installation, field, value)
    await session.flush()
    return installation


async def set_status(
    session: AsyncSession, user_id: UUID, installation_id: UUID, status: Status
) -> Installation:
    """Pauses or resumes; does nothing where it is so already. Raises `InstallationNotFound` and
    `InstallationUninstalled`."""
    installation = await _changeable(session, user_id, installation_id)
    installation.status = status
    await session.flush()
    return installation


async def uninstall(session: AsyncSession, user_id: UUID, installation_id: UUID) -> None:
    """Ends an installation; does nothing where it has ended already. Raises `InstallationNotFound`."""
    installation = await get_own(session, user_id, installation_id, lock=True)
    installation.status = Status.UNINSTALLED
    await session.flush()


async def replace_scopes(
    session: AsyncSession,
    catalog: Catalog,
    user_id: UUID,
    installation_id: UUID,
    asked: frozenset[str],
) -> Installation:
    """Grants these scopes and no others, by the cat's manifest of today, whose version is then the installation's.

    A cat that is not published, such as a suspended one, can lose scopes but get none, and so can the cat of a
    disabled developer. Raises `InvalidScopes`, `CatUnavailable`, `DeveloperDisabled`, `InstallationNotFound`,
    `InstallationUninstalled`, `CatNotFound`, `PeerUnavailable`.
    """
    installation = await get_own(session, user_id, installation_id)
    if installation.status == Status.UNINSTALLED:
        raise InstallationUninstalled
    # Gives the connection back to the pool: a slow catalog must not keep it from others.
    await session.commit()
    manifest = await catalog.manifest(installation.cat_id)
    granted = manifest.grant(asked)

    installation = await _changeable(session, user_id, installation_id)
    if not asked.issubset(installation.granted_scopes):
        if not manifest.published:
            raise CatUnavailable
        catalog.check_developer(manifest)
    installation.granted_scopes = granted
    installation.cat_version = manifest.version
    await session.flush()
    return installation


async def rotate_credential(
    session: AsyncSession, credentials: Credentials, user_id: UUID, installation_id: UUID
) -> WithCredential:
    """Gives a new credential; the old one is unknown as soon as this is committed. Raises `InstallationNotFound` and
    `InstallationUninstalled`."""
    installation = await _changeable(session, user_id, installation_id)
    credential = credentials.random()
    installation.credential_hash = hash_credential(credential)
    log_on_commit(
        session,
        SecurityEvent.CREDENTIAL_ROTATED,
        actor_id=user_id,
        subject_id=installation.id,
    )
    await session.flush()
    return WithCredential(installation, credential)
