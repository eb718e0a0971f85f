"""Access tokens: JWTs signed with EdDSA (RFC 8037), checked with the public keys of the identity service."""

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
# The clock of PostgreSQL dates tokens. Where a service's own clock is behind it, a new token comes from the future: no
# danger, as one service alone signs, while a refusal would lock out everyone who signs in.
_ISSUED_AHEAD_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Principal:
    """The person whom an access token speaks for."""

    id: UUID
    role: StrEnum
    """One of the platform's roles."""
    token_id: UUID
    """The token's `jti`."""


class KeySource(Protocol):
    """Where public keys come from."""

    async def key(self, kid: str) -> PyJWK | None:
        """The key of this id; None if there is none. Raises a `ServiceUnavailable` where it cannot be known."""


async def verify_access_token(
    token: str, platform: Platform, keys: KeySource, revocations: Revocations | None
) -> Principal:
    """Return the person whom a token speaks for.

    `revocations` is None in the identity service, which asks its database instead.

    Raises `Unauthenticated` for a token that is expired, forged, revoked, meant for others, or no token at all;
    `AccountDisabled`; and `ServiceUnavailable` where keys or revocations are not known.
    """
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        key = await keys.key(kid) if isinstance(kid, str) else None
        if key is None:
            raise Unauthenticated("This access token was signed by a key that is not ours.")
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
            "This access token has expired; get a new one from /refresh."
        ) from error
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Unauthenticated("This access token is not valid.") from error
    if revocations is not None:
        revocations.check_token(person.id, issued_at)
    return person


class RemoteKeys:
    """The keys that another service publishes, kept for a while.

    An unknown key makes it look again, for the key may be new; but not oftener than every few seconds, so that forged
    tokens cannot make it flood the service. Keys that were known stay good while the service is down.
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
        # While one request looks, others go on with the keys that are known.
        if self._must_look(kid) and not (kid in self._keys and self._lock.locked()):
            async with self._lock:
                if self._must_look(kid):
                    await self._look()
        if kid not in self._keys and self._failure:
            raise PeerUnavailable(self._publisher.name) from self._failure
        return self._keys.get(kid)

    def _must_look(self, kid: str) -> bool:
        if self._failure:
            # Soon, for it may be back; but not for every request, for each would wait until it is known to be down.
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
