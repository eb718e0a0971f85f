"""Credentials of installations: 256 bits, stored as a hash."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence

from pydantic import SecretStr

# A prefix by which people and secret scanners recognize a credential.
PREFIX = "cat_"
SALT_BYTES = 32
_PURPOSE = b"cathouse installation credential\x00"


def hash_credential(credential: str) -> bytes:
    """Return the hash of a credential, as the database stores and finds it."""
    # One round of SHA-256 is enough. Slow, salted hashes protect passwords that can be guessed; 256 random bits cannot
    # be guessed. Every proxied call computes this hash, and an index finds it.
    # surrogatepass: JSON strings may have unpaired surrogates. Such a text is an unknown credential, not an error.
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()


class Credentials:
    """Creates credentials, at random or derived from an `Idempotency-Key`."""

    def __init__(self, service_tokens: Sequence[SecretStr]) -> None:
        self._secrets = [token.get_secret_value().encode() for token in service_tokens]

    def random(self) -> str:
        return _written(secrets.token_bytes(32))

    def derive(self, idempotency_key: str, salt: bytes) -> str:
        """Derive the credential of an adoption with an `Idempotency-Key`. A repeat gets the same one.

        The credential itself is not stored. The derivation needs three inputs from different places:

        - the random salt, in the database until the key expires
        - the key, which only the client has; the database has its hash
        - the service token, which is never in the database

        A copy of the database is therefore not enough to derive a credential. Without the salt, nobody can.
        """
        return _derived(self._secrets[0], idempotency_key, salt)

    def derive_again(self, idempotency_key: str, salt: bytes, credential_hash: bytes) -> str | None:
        """Repeat `derive` with each service token. Return the credential with this hash, or None."""
        for secret in self._secrets:
            credential = _derived(secret, idempotency_key, salt)
            if hash_credential(credential) == credential_hash:
                return credential
        return None


def _derived(secret: bytes, idempotency_key: str, salt: bytes) -> str:
    message = _PURPOSE + salt + idempotency_key.encode()
    return _written(hmac.digest(secret, message, "sha256"))


def _written(value: bytes) -> str:
    return PREFIX + urlsafe_b64encode(value).decode().rstrip("=")
