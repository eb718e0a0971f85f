"""Adoption: a player takes a cat in."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_installation.models import Installation
from cathouse_installation.models.installation import IS_INSTALLED, NAME_LENGTH
from cathouse_installation.services import idempotency
from cathouse_installation.services.catalog import Catalog
from cathouse_installation.services.credentials import SALT_BYTES, Credentials, hash_credential
from cathouse_installation.services.errors import (
    AlreadyAdopted,
    CatNotFound,
    CredentialReplaced,
    IdempotencyKeyReused,
)
from cathouse_installation.services.limits import Limits


@dataclass(frozen=True, slots=True)
class AdoptionRequest:
    """The installation that a player asks for. Without a name, it gets the name of the cat."""

    user_id: UUID
    cat_id: UUID
    granted_scopes: frozenset[str]
    name: str | None
    settings: dict[str, Any]

    def hash(self) -> bytes:
        """Equal for requests that ask for the same, however they were written."""
        asked = [str(self.cat_id), sorted(self.granted_scopes), self.name, self.settings]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()


@dataclass(frozen=True, slots=True)
class WithCredential:
    """An installation, and its credential in clear: the only time that anyone sees it."""

    installation: Installation
    credential: str


async def adopt(
    session: AsyncSession,
    catalog: Catalog,
    credentials: Credentials,
    limits: Limits,
    request: AdoptionRequest,
    idempotency_key: str | None,
) -> WithCredential:
    """Makes an installation, or gives the one that this key has made, with the same credential.

    Raises `CatNotFound`, `DeveloperDisabled`, `InvalidScopes`, `AlreadyAdopted`, `QuotaReached`, `TooManyAdoptions`,
    `IdempotencyKeyReused`, `CredentialReplaced` where a repeat comes after the credential has changed, and
    `PeerUnavailable`.
    """
    # A repeat is answered from here, even while the catalog is down or the cat is suspended.
    if idempotency_key and (
        first := await _repeated(session, credentials, request, idempotency_key)
    ):
        return first
    # Gives the connection back to the pool: a slow catalog must not keep it from others.
    await session.commit()
    manifest = await catalog.manifest(request.cat_id)
    if not manifest.published:
        raise CatNotFound
    catalog.check_developer(manifest)

    salt = secrets.token_bytes(SALT_BYTES)
    credential = (
        credentials.derive(idempotency_key, salt) if idempotency_key else credentials.random()
    )
    # Of simultaneous adoptions of a cat, and of simultaneous uses of a key, the indexes let one through, and make the
    # others wait for it. Everyone takes the two in this order, and the lock of the quotas last, so nobody waits in a
    # circle.
    installation = await session.scalar(
        insert(Installation)
        .values(
            user_id=request.user_id,
            cat_id=request.cat_id,
            cat_version=manifest.version,
            name=request.name or manifest.name[:NAME_LENGTH],
            granted_scopes=manifest.grant(request.granted_scopes),
            settings=request.settings,
            credential_hash=hash_credential(credential),
        )
        .on_conflict_do_nothing(
            index_elements=[Installation.user_id, Installation.cat_id],
            index_where=IS_INSTALLED,
        )
        .returning(Installation)
    )
    won = installation is not None and (
        idempotency_key is None
        or await idempotency.remember(
            session,
            request.user_id,
            idempotency_key,
            request_hash=request.hash(),
            salt=salt,
            installation_id=installation.id,
        )
    )
    if installation is None or not won:
        await session.rollback()
        if idempotency_key and (
            first := await _repeated(session, credentials, request, idempotency_key)
        ):
            return first
        raise await _already_adopted(session, request)
    await limits.keep(session, request.user_id)
    await idempotency.forget_expired(session)
    return WithCredential(installation, credential)


async def _repeated(
    session: AsyncSession, credentials: Credentials, request: AdoptionRequest, key: str
) -> WithCredential | None:
    """The first answer to this key, with the installation as it is now; None where there was none."""
    found = await idempotency.recall(session, request.user_id, key)
    if found is None:
        return None
    kept, installation = found
    if kept.request_hash != request.hash():
        raise IdempotencyKeyReused
    credential = credentials.derive_again(key, kept.salt, installation.credential_hash)
    # Rotated since, or derived with a service token that is no longer accepted. Whoever repeats must learn that
    # what they would get does not work, and must not put an end to the credential that does.
    if credential is None:
        raise CredentialReplaced(installation_id=str(installation.id))
    return WithCredential(installation, credential)


async def _already_adopted(session: AsyncSession, request: AdoptionRequest) -> AlreadyAdopted:
    existing = await session.scalar(
        select(Installation.id).where(
            Installation.user_id == request.user_id,
            Installation.cat_id == request.cat_id,
            IS_INSTALLED,
        )
    )
    # None where it has been uninstalled in this moment: then trying again is right, as after any conflict.
    return AlreadyAdopted(installation_id=str(existing) if existing else None)


async def has_adopted(session: AsyncSession, user_id: UUID, cat_id: UUID) -> bool:
    """Whether the player has, or once had, an installation of the cat."""
    found = select(Installation.id).where(
        Installation.user_id == user_id, Installation.cat_id == cat_id
    )
    return await session.scalar(found.limit(1)) is not None
