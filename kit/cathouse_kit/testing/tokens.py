"""Access tokens for tests, signed by a key that the tested service trusts."""

import time
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from cathouse_kit.platform import Platform
from cathouse_kit.tokens import ALGORITHM


class Issuer:
    """Signs access tokens like the identity service, with a separate key."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._private_key = Ed25519PrivateKey.generate()
        self.kid = uuid4().hex

    def jwks(self) -> dict[str, Any]:
        """Return the public key, in the form that the identity service publishes."""
        jwk: dict[str, Any] = OKPAlgorithm.to_jwk(self._private_key.public_key(), as_dict=True)
        return {"keys": [jwk | {"kid": self.kid, "use": "sig", "alg": ALGORITHM}]}

    def token(
        self,
        role: str = "",
        person_id: UUID | None = None,
        *,
        expires_in: int = 900,
        **claims: Any,
    ) -> str:
        """Return an access token. The default role is the platform's first one.

        `claims` replace the usual claims. A claim with the value None is removed.
        """
        now = int(time.time())
        payload = {
            "iss": self._platform.identity.issuer,
            "aud": self._platform.audience,
            "sub": str(person_id or uuid4()),
            "role": str(next(iter(self._platform.roles)) if role == "" else role),
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + expires_in,
        } | claims
        return jwt.encode(
            {name: value for name, value in payload.items() if value is not None},
            self._private_key,
            algorithm=ALGORITHM,
            headers={"kid": self.kid},
        )

    def headers(self, role: str = "", person_id: UUID | None = None) -> dict[str, str]:
        """Return the `Authorization` header of a person."""
        return bearer(self.token(role, person_id))


def bearer(token: str) -> dict[str, str]:
    """Return the `Authorization` header with this token."""
    return {"Authorization": f"Bearer {token}"}
