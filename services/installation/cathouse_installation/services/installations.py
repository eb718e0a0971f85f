"""Read and change the installations of an owner.

The status after each request:

| from | pause | resume | uninstall | any other change |
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
    """Return a page of a person's installations, newest first, and the cursor of the next page.

    The list includes uninstalled ones.
    """
    rows, next_cursor = await select_page(
        session,
        select(Installation).where(Installation.user_id == user_id),
        "newest",
        # UUIDv7: ids are in the order of creation.
        [SortKey(Installation.id.expression, UUID, descending=True)],
        page,
    )
    return [row[0] for row in rows], next_cursor


async def get_own(
    session: AsyncSession, user_id: UUID, installation_id: UUID, *, lock: bool = False
) -> Installation:
    """Return an installation of this person. `lock` keeps others from changing it until the transaction ends.

    Raises `InstallationNotFound`, also for an installation of another person.
    """
    statement = select(Installation).where(
        Installation.id == installation_id, Installation.user_id == user_id
    )
    if lock:
        # Read the row again: it may have changed before the lock.
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
    """Set `name` and `settings` if given. Raises `InstallationNotFound` and `InstallationUninstalled`."""
    installation = await _changeable(session, user_id, installation_id)
    for field, value in changes.items():
        setattr(installation, field, value)
    await session.flush()
    return installation


async def set_status(
    session: AsyncSession, user_id: UUID, installation_id: UUID, status: Status
) -> Installation:
    """Pause or resume an installation. Raises `InstallationNotFound` and `InstallationUninstalled`."""
    installation = await _changeable(session, user_id, installation_id)
    installation.status = status
    await session.flush()
    return installation


async def uninstall(session: AsyncSession, user_id: UUID, installation_id: UUID) -> None:
    """Uninstall an installation. Do nothing if it is uninstalled already. Raises `InstallationNotFound`."""
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
    """Grant exactly these scopes, by the cat's current manifest. Store the version of that manifest.

    If the cat is not published or its developer is disabled, scopes can be removed but not added. Raises
    `InvalidScopes`, `CatUnavailable`, `DeveloperDisabled`, `InstallationNotFound`, `InstallationUninstalled`,
    `CatNotFound`, `PeerUnavailable`.
    """
    installation = await get_own(session, user_id, installation_id)
    if installation.status == Status.UNINSTALLED:
        raise InstallationUninstalled
    # Return the connection to the pool before calling the catalog, which may be slow.
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
    """Replace the credential. The old one is invalid when the transaction is committed.

    Raises `InstallationNotFound` and `InstallationUninstalled`.
    """
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
