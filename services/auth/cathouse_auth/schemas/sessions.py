from typing import Annotated, Literal

from cathouse_kit.schemas import Line, RequestBody, ResponseBody
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from cathouse_auth.schemas.people import Email
from cathouse_auth.schemas.secrets import Password, Secret

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


def _as_registered(username: str) -> str:
    # An invalid email is no error here: nobody has registered with it, so the response is that for a wrong email.
    try:
        return _EMAIL.validate_python(username)
    except ValidationError:
        return username


class SignIn(RequestBody):
    """The form of OAuth 2's password grant (RFC 6749, section 4.3.2)."""

    username: Annotated[Line, Field(max_length=254), AfterValidator(_as_registered)] = Field(
        description="The email", examples=["ada@example.com"]
    )
    password: Password = Field(examples=["correct horse battery"])
    grant_type: Literal["password"] = "password"
    scope: str = ""


class RefreshRequest(RequestBody):
    refresh_token: Secret = Field(examples=["dGhlIGNhdCBpcyBvdXQgb2YgdGhlIGJhZywgYWdhaW4"])


class TokenPair(ResponseBody):
    access_token: str = Field(max_length=4096)
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the kind of token, not one
    expires_in: int = Field(description="Seconds until the access token expires", examples=[900])
    refresh_token: str = Field(
        max_length=128, description="Exchange it once, within 30 days, for a new pair of tokens"
    )
