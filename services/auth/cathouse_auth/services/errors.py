"""What can be wrong with a request to auth."""

from cathouse_kit.problems import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ServiceUnavailable,
    Unauthenticated,
)


class EmailTaken(Conflict):
    title = "Email taken"
    detail = "Someone has registered with this email already."


class PasswordIsEmail(InvalidRequest):
    title = "Password is the email"
    detail = "A password must not be the email: everyone would try it first."

    def __init__(self, field: str) -> None:
        super().__init__(
            errors=[{"loc": ["body", field], "msg": "must not be the email", "type": "value_error"}]
        )


class PasswordTooWeak(InvalidRequest):
    title = "Password too weak"
    detail = "This password is among the first that others would try; errors says why."

    def __init__(self, field: str, why: str) -> None:
        self.why = why
        super().__init__(errors=[{"loc": ["body", field], "msg": why, "type": "value_error"}])


class PasswordQueueFull(ServiceUnavailable):
    title = "Too many passwords to check"
    detail = "Too many people sign in at this moment; the Retry-After header says in how many seconds to try again."

    def __init__(self) -> None:
        super().__init__()
        self.headers["Retry-After"] = "5"


class WrongCredentials(Unauthenticated):
    title = "Wrong email or password"
    detail = "No account has this email and this password."


class WrongPassword(Forbidden):
    title = "Wrong password"
    detail = "This is not the current password; nothing was changed."


class InvalidRefreshToken(Unauthenticated):
    title = "Refresh token not valid"
    detail = "This refresh token has been used, has expired or never was; sign in again."


class PersonNotFound(NotFound):
    title = "Person not found"
    detail = "No one has this id."


class LastAdmin(Conflict):
    title = "Last admin"
    detail = "This is the last active admin; make another person an admin first."
