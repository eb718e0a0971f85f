"""Adoption: create an installation of a cat for a player."""

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
    """A player's request for an installation. Without a name, it gets the name of the cat."""

    user_id: UUID
    cat_id: UUID
    granted_scopes: frozenset[str]
    name: str | None
    settings: dict[str, Any]

    def hash(self) -> bytes:
        """Return a hash that is equal for requests with the same content, also if their JSON differs."""
        asked = [str(self.cat_id), sorted(self.granted_scopes), self.name, self.settings]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()


@dataclass(frozen=True, slots=True)
class WithCredential:
    """An installation with its credential in plain text, which only one response shows."""

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
    """Create an installation, or return the one that this key created before, with the same credential.

    Raises `CatNotFound`, `DeveloperDisabled`, `InvalidScopes`, `AlreadyAdopted`, `QuotaReached`, `TooManyAdoptions`,
    `IdempotencyKeyReused` and `PeerUnavailable`; `CredentialReplaced` for a repeat after the credential has changed.
    """
    # A repeat needs no catalog: it works while the catalog is down or the cat is suspended.
    if idempotency_key and (
        first := await _repeated(session, credentials, request, idempotency_key)
    ):
        return first
    # Return the connection to the pool before calling the catalog, which may be slow.
    await session.commit()
    manifest = await catalog.manifest(request.cat_id)
    if not manifest.published:
        raise CatNotFound
    catalog.check_developer(manifest)

    salt = secrets.token_bytes(SALT_BYTES)
    credential = (
        credentials.derive(idempotency_key, salt) if idempotency_key else credentials.random()
    )
    # The unique indexes let one of several concurrent adoptions of a cat, or uses of a key, proceed. The others wait.
    # Each request writes the two rows in this order and locks the quotas last, so there is no deadlock.
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
    """Return the installation of this key as it is now, with the first credential. None for an unknown key."""
    found = await idempotency.recall(session, request.user_id, key)
    if found is None:
        return None
    kept, installation = found
    if kept.request_hash != request.hash():
        raise IdempotencyKeyReused
    credential = credentials.derive_again(key, kept.salt, installation.credential_hash)
    # The credential was rotated since, or derived with a service token that is no longer accepted. Returning the old
    # one would not help the client. Creating a new one would invalidate the one in use.
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
    # None if the installation was uninstalled meanwhile. The client can then try again.
    return AlreadyAdopted(installation_id=str(existing) if existing else None)


async def has_adopted(session: AsyncSession, user_id: UUID, cat_id: UUID) -> bool:
    """Return whether the player has, or once had, an installation of the cat."""
    found = select(Installation.id).where(
        Installation.user_id == user_id, Installation.cat_id == cat_id
    )
    return await session.scalar(found.limit(1)) is not None
