from typing import Annotated, Any, Literal
from uuid import UUID

from cathouse_kit.display_text import displayable
from cathouse_kit.schemas import Line, RequestBody, ResponseBody, Timestamp
from cathouse_platform.platform import Role
from pydantic import AfterValidator, BeforeValidator, EmailStr, Field

from cathouse_auth.schemas.secrets import NewPassword, Password

_MOST_TYPED = 2 * 254


def _not_too_long(email: Any) -> Any:
    # The parser normalizes an email before it checks the length, in time that grows with the square of the length.
    if isinstance(email, str) and len(email) > _MOST_TYPED:
        raise ValueError("must have at most 254 characters")
    return email


Email = Annotated[
    EmailStr,
    BeforeValidator(_not_too_long),
    # Admins see emails, and the parser accepts invisible letters and marks.
    AfterValidator(displayable),
    AfterValidator(str.lower),
    Field(
        max_length=254,
        description="Stored in lower case. Emails that differ only by case, Unicode form or the notation of the "
        "domain are one account",
    ),
]
DisplayName = Annotated[Line, Field(max_length=80)]


class Registration(RequestBody):
    email: Email = Field(examples=["ada@example.com"])
    password: NewPassword = Field(examples=["correct horse battery"])
    display_name: DisplayName = Field(examples=["Ada"])
    role: Literal[Role.PLAYER, Role.DEVELOPER] = Role.PLAYER


class ProfileChange(RequestBody):
    display_name: DisplayName = Field(examples=["Countess Ada"])


class PasswordChange(RequestBody):
    current_password: Password = Field(examples=["correct horse battery"])
    new_password: NewPassword = Field(examples=["battery staple correct"])


class PersonChange(RequestBody):
    role: Role | None = Field(
        None, description="null leaves the role unchanged", examples=["developer"]
    )
    is_active: bool | None = Field(
        None, description="false ends the user's sessions; null leaves the value unchanged"
    )


class PersonBody(ResponseBody):
    id: UUID = Field(examples=["0199c0de-0000-7000-8000-000000000000"])
    email: str = Field(max_length=254, examples=["ada@example.com"])
    display_name: str = Field(max_length=80, examples=["Ada"])
    role: Role
    is_active: bool
    created_at: Timestamp
    updated_at: Timestamp
