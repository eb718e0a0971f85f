"""What only the person who sends it may know. It is never part of an error's text."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from cathouse_auth.services.passwords import prepared

MIN_LENGTH, MAX_LENGTH = 12, 128
# A character that is typed as several becomes one; none becomes one of more than four.
_MOST_TYPED = 4 * MAX_LENGTH


def _typeable(secret: SecretStr) -> SecretStr:
    # A surrogate, which JSON can bring, is no character that can be encoded; a control is none that one types.
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
"""Any password. Its length is that of its prepared form."""

NewPassword = Annotated[
    Password,
    AfterValidator(_at_least_shortest),
    Field(
        json_schema_extra={"minLength": MIN_LENGTH, "maxLength": MAX_LENGTH},
        description="Not the email, and none that others would try first: common passwords, repetitions, sequences, "
        "keys side by side, or the email, the display name or the name of this service in it",
    ),
]
