"""Who calls: a pseudonym that Cat House vouches for, in a token that its proxy signed."""

import threading
import time
from dataclasses import dataclass

import jwt
from jwt import PyJWK, PyJWKClient

ISSUER = "cathouse-proxy"
# Whoever can reach this cat can send tokens of keys that never were; they must not make it flood Cat House.
_LOOK_AGAIN_SECONDS = 5.0


class NotFromCatHouse(Exception):
    """A call that the proxy has not signed for this cat."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A person as this cat knows them."""

    owner: str
    """What their things are kept under."""
    scopes: frozenset[str]


class Verifier:
    """Checks the proxy's tokens with the keys that it publishes, which are kept for a few minutes."""

    def __init__(self, jwks_url: str, cat_id: str | None) -> None:
        self._client = PyJWKClient(jwks_url, cache_keys=False, lifespan=300, timeout=5)
        self._cat_id = cat_id
        self._lock = threading.Lock()
        self._looked_at = float("-inf")

    def caller(self, token: str) -> Caller:
        """Raises `NotFromCatHouse`."""
        try:
            claims = jwt.decode(
                token,
                self._key(jwt.get_unverified_header(token).get("kid")),
                algorithms=["EdDSA"],
                issuer=ISSUER,
                audience=self._cat_id,
                leeway=5,
                options={
                    "require": ["iss", "aud", "sub", "iat", "exp", "scope"],
                    "verify_aud": self._cat_id is not None,
                },
            )
        except jwt.PyJWTError as error:
            raise NotFromCatHouse(str(error)) from error
        # The audience is part of the name: where it is not checked, a token that was made for another cat still leads
        # to nobody's tasks here.
        return Caller(f"{claims['aud']}/{claims['sub']}", frozenset(claims["scope"].split()))

    def _key(self, kid: str | None) -> PyJWK:
        with self._lock:
            for fresh in (False, True):
                if fresh:
                    if time.monotonic() - self._looked_at < _LOOK_AGAIN_SECONDS:
                        break
                    self._looked_at = time.monotonic()
                for key in self._client.get_signing_keys(refresh=fresh):
                    if key.key_id == kid:
                        return key
        raise NotFromCatHouse("it was signed by a key that Cat House does not publish")
