"""What only the person who sends it may know. It is never part of an error's text."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr


def _typeable(secret: SecretStr) -> SecretStr:
    # A surrogate, which JSON can bring, is no character that can be encoded; a control is none that one types.
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in secret.get_secret_value()):
        raise ValueError("must not contain control characters or surrogates")
    return secret


Secret = Annotated[SecretStr, Field(max_length=128), AfterValidator(_typeable)]
NewPassword = Annotated[Secret, Field(min_length=12)]
