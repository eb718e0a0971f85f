"""Secrets that callers send. The text of an error never contains them."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from cathouse_auth.services.passwords import prepared

MIN_LENGTH, MAX_LENGTH = 12, 128
# Normalization composes at most four typed characters into one.
_MOST_TYPED = 4 * MAX_LENGTH


def _typeable(secret: SecretStr) -> SecretStr:
    # JSON can contain a surrogate, which cannot be encoded. Nobody types a control character.
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in secret.get_secret_value()):
        raise ValueError("must not contain control characters or surrogates")
    return secret


def _at_most_longest(secret: SecretStr) -> SecretStr:
    if len(secret) > _MOST_TYPED or len(prepared(secret.get_secret_value())) > MAX_LENGTH:
        raise ValueError(f"must have at most {MAX_LENGTH} characters")
    return secret


def _at_least_shortest(secret: SecretStr) -> SecretStr:
    if len(prepared(secret.get_secret_value())) < MIN_LENGTH:
        raise ValueError(f"must have at least {MIN_LENGTH} characters")
    return secret


Secret = Annotated[SecretStr, Field(max_length=MAX_LENGTH), AfterValidator(_typeable)]
Password = Annotated[
    SecretStr,
    AfterValidator(_at_most_longest),
    AfterValidator(_typeable),
    Field(json_schema_extra={"maxLength": MAX_LENGTH}),
]
"""Any password. Its length is counted after `prepared`."""

NewPassword = Annotated[
    Password,
    AfterValidator(_at_least_shortest),
    Field(
        json_schema_extra={"minLength": MIN_LENGTH, "maxLength": MAX_LENGTH},
        description="Must not be easy to guess: no common passwords, repetitions, sequences or neighbouring keys. "
        "Must not contain the email, the display name or the name of this service",
    ),
]
