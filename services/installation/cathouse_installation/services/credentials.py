"""Credentials: 256 bits nobody can guess, kept as a hash."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence

from pydantic import SecretStr

# Lets people and scanners of source code tell what they have found.
PREFIX = "cat_"
SALT_BYTES = 32
_PURPOSE = b"cathouse installation credential\x00"


def hash_credential(credential: str) -> bytes:
    """What is stored of a credential, and looked up by."""
    # One round of SHA-256 is right here: slow, salted hashes make up for passwords that can be guessed, and nobody
    # guesses 256 random bits. Every proxied call pays for this hash, and an index finds by it.
    # surrogatepass: JSON can hold what UTF-8 cannot, and what is no credential of anybody's is unknown, not an error.
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()


class Credentials:
    """Makes credentials."""

    def __init__(self, service_tokens: Sequence[SecretStr]) -> None:
        self._secrets = [token.get_secret_value().encode() for token in service_tokens]

    def random(self) -> str:
        return _written(secrets.token_bytes(32))

    def derive(self, idempotency_key: str, salt: bytes) -> str:
        """The credential of an adoption with an `Idempotency-Key`: the same one for a repeat, though it is not stored.

        It takes three things, each kept elsewhere: the salt, random and in the database until the key is forgotten; the
        key, which the client alone has (stored is its hash); and the service token, which is never in the database.
        Whoever reads the database can make none of it, and with the salt's end nobody can.
        """
        return _derived(self._secrets[0], idempotency_key, salt)

    def derive_again(self, idempotency_key: str, salt: bytes, credential_hash: bytes) -> str | None:
        """What `derive` gave then, with any of the service tokens; None where its hash is not this one."""
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
