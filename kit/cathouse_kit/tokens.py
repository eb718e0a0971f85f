"""Access tokens: JWTs signed with EdDSA (RFC 8037), verified with the public keys of the identity service."""

import asyncio
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import jwt
from jwt import PyJWK, PyJWKSet

from cathouse_kit.platform import Platform
from cathouse_kit.problems import Unauthenticated
from cathouse_kit.revocations import Revocations
from cathouse_kit.service_client import PeerUnavailable, ServiceClient

ALGORITHM = "EdDSA"
_CLOCK_SKEW_SECONDS = 5
# Tokens have the time of PostgreSQL. If the clock of a service is behind, a new token has a time in the future. It is
# accepted: only one service signs tokens, and a refusal would lock out everyone who signs in.
_ISSUED_AHEAD_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Principal:
    """The person of an access token."""

    id: UUID
    role: StrEnum
    """One of the platform's roles."""
    token_id: UUID
    """The token's `jti`."""


class KeySource(Protocol):
    """A source of public keys."""

    async def key(self, kid: str) -> PyJWK | None:
        """Return the key of this id, or None if there is none. Raises a `ServiceUnavailable` if this is unknown."""


async def verify_access_token(
    token: str, platform: Platform, keys: KeySource, revocations: Revocations | None
) -> Principal:
    """Return the person of a token.

    `revocations` is None in the identity service, which reads its database instead.

    Raises `Unauthenticated` for a token that is expired, forged, revoked, meant for others, or no token at all;
    `AccountDisabled`; and `ServiceUnavailable` where keys or revocations are not known.
    """
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        key = await keys.key(kid) if isinstance(kid, str) else None
        if key is None:
            raise Unauthenticated(
                "This access token was signed with an unknown key. Sign in to get a new token."
            )
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=platform.identity.issuer,
            audience=platform.audience,
            leeway=_CLOCK_SKEW_SECONDS,
            options={
                "require": ["iss", "aud", "sub", "role", "jti", "iat", "exp"],
                "verify_iat": False,  # has its own limit below
            },
        )
        person = Principal(
            id=UUID(claims["sub"]),
            role=platform.roles(claims["role"]),
            token_id=UUID(claims["jti"]),
        )
        issued_at = float(claims["iat"])
        if not issued_at <= time.time() + _ISSUED_AHEAD_SECONDS:  # also refuses nan
            raise jwt.ImmatureSignatureError
    except jwt.ExpiredSignatureError as error:
        raise Unauthenticated(
            "This access token has expired. Get a new token from /refresh."
        ) from error
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Unauthenticated(
            "This access token is invalid. Sign in to get a new token."
        ) from error
    if revocations is not None:
        revocations.check_token(person.id, issued_at)
    return person


class RemoteKeys:
    """The keys that another service publishes, cached for some minutes.

    An unknown key id causes a new request for the keys, because the key may be new. There is at most one such request
    every few seconds, so forged tokens cannot flood the service. Known keys remain valid while the service is down.
    """

    KEEP_SECONDS = 300.0
    LOOK_AGAIN_SECONDS = 5.0
    TRY_AGAIN_SECONDS = 1.0

    def __init__(self, publisher: ServiceClient, path: str) -> None:
        self._publisher = publisher
        self._path = path
        self._keys: dict[str, PyJWK] = {}
        self._looked_at = float("-inf")
        self._failure: PeerUnavailable | None = None
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> PyJWK | None:
        # While one task requests the keys, others use the known keys.
        if self._must_look(kid) and not (kid in self._keys and self._lock.locked()):
            async with self._lock:
                if self._must_look(kid):
                    await self._look()
        if kid not in self._keys and self._failure:
            raise PeerUnavailable(self._publisher.name) from self._failure
        return self._keys.get(kid)

    def _must_look(self, kid: str) -> bool:
        if self._failure:
            # Try again soon, but not for every request, because each one would wait for the timeout.
            wait = self.TRY_AGAIN_SECONDS
        else:
            wait = self.KEEP_SECONDS if kid in self._keys else self.LOOK_AGAIN_SECONDS
        return time.monotonic() - self._looked_at > wait

    async def _look(self) -> None:
        try:
            self._keys = _usable_keys(await self._publisher.get_json(self._path))
            self._failure = None
        except PeerUnavailable as failure:
            self._failure = failure
        except (jwt.PyJWTError, AttributeError, TypeError, ValueError) as error:
            self._failure = PeerUnavailable(self._publisher.name)
            self._failure.__cause__ = error
        self._looked_at = time.monotonic()


def _usable_keys(published: dict[str, Any]) -> dict[str, PyJWK]:
    keys = [key for key in published["keys"] if isinstance(key, dict)]
    return {key.key_id: key for key in PyJWKSet(keys).keys if key.key_id}
