"""Password verifiers as PostgreSQL stores them. Statements and logs then never contain a password."""

import base64
import hashlib
import hmac
import secrets

_SALT_BYTES = 16


def new_password() -> str:
    """Return a random password. Its characters need no encoding in a URL."""
    return secrets.token_urlsafe(32)


def verifier(password: str, iterations: int) -> str:
    """Return the SCRAM-SHA-256 verifier (RFC 5803) of an ASCII password, for `ALTER ROLE … PASSWORD`."""
    salt = secrets.token_bytes(_SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    encoded = (base64.b64encode(part).decode() for part in (salt, stored_key, server_key))
    return "SCRAM-SHA-256${}:{}${}:{}".format(iterations, *encoded)
