"""The caller's identity: a pseudonym in a token that Cat House's proxy signed."""

import threading
import time
from dataclasses import dataclass

import jwt
from jwt import PyJWK, PyJWKClient

ISSUER = "cathouse-proxy"
# Anyone who reaches this cat can send tokens with unknown key ids. They must not make it flood Cat House with requests.
_LOOK_AGAIN_SECONDS = 5.0


class NotFromCatHouse(Exception):
    """A call that the proxy has not signed for this cat."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A person as this cat knows them."""

    owner: str
    """The name under which their tasks are kept."""
    scopes: frozenset[str]


class Verifier:
    """Checks the proxy's tokens with the keys that it publishes. Keys are cached for a few minutes."""

    def __init__(self, jwks_url: str, cat_id: str | None) -> None:
        self._client = PyJWKClient(jwks_url, cache_keys=False, lifespan=300, timeout=5)
        self._cat_id = cat_id
        self._lock = threading.Lock()
        self._looked_at = float("-inf")

    def caller(self, token: str) -> Caller:
        """Return the caller that a token names. Raises `NotFromCatHouse`."""
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
        # The audience is part of the owner's name. So a token for another cat reaches nobody's tasks here, even if
        # the audience is not checked.
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
