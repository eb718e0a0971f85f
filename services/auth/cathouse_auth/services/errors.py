"""Problems that only auth reports."""

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
    detail = "An account with this email exists already. Sign in, or register with another email."


class PasswordIsEmail(InvalidRequest):
    title = "Password is the email"
    detail = "The password must not be the email, which is easy to guess. Choose another password."

    def __init__(self, field: str) -> None:
        super().__init__(
            errors=[{"loc": ["body", field], "msg": "must not be the email", "type": "value_error"}]
        )


class PasswordTooWeak(InvalidRequest):
    title = "Password too weak"
    detail = (
        "This password is too easy to guess. See `errors` for the reason, and choose another one."
    )

    def __init__(self, field: str, why: str) -> None:
        self.why = why
        super().__init__(errors=[{"loc": ["body", field], "msg": why, "type": "value_error"}])


class PasswordQueueFull(ServiceUnavailable):
    title = "Too many passwords to check"
    detail = (
        "Too many sign-ins are in progress. Try again after the seconds in the Retry-After header."
    )

    def __init__(self) -> None:
        super().__init__()
        self.headers["Retry-After"] = "5"


class WrongCredentials(Unauthenticated):
    title = "Wrong email or password"
    detail = "The email or the password is wrong. Check both, and sign in again."


class WrongPassword(Forbidden):
    title = "Wrong password"
    detail = "The current password is wrong, and nothing was changed. Send the password that you sign in with."


class InvalidRefreshToken(Unauthenticated):
    title = "Refresh token not valid"
    detail = "This refresh token is unknown, has expired or was used already. Sign in again."


class PersonNotFound(NotFound):
    title = "Person not found"
    detail = "No user has this id. Find the id in GET /api/v1/auth/users."


class LastAdmin(Conflict):
    title = "Last admin"
    detail = "This is the last active admin. Give another user the role admin first."
