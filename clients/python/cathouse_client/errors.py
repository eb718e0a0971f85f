"""The errors of calls."""

from collections.abc import Sequence
from typing import Any

import httpx

from cathouse_client.generated.models import InvalidField, Problem
from cathouse_client.generated.types import Unset
from cathouse_client.version import VERSION

_PREFIX = "urn:cathouse:problem:"
# Problems of a path or method that no route has. A missing cat or user has a code of its own.
_NO_ROUTE = {"not_found", "method_not_allowed"}


class CatHouseError(Exception):
    """The base of every error of this package."""


class Unreachable(CatHouseError):
    """No response came: nothing listens at the address, or the connection was lost."""

    def __init__(self, request: httpx.Request, cause: httpx.TransportError) -> None:
        super().__init__(
            f"{request.method} {request.url} got no response ({cause or type(cause).__name__}). "
            "Check that Cat House runs, and that this is the address of its gateway."
        )


class UnexpectedResponse(CatHouseError):
    """A response that is none of this API: another program responds there, or another version of Cat House."""

    def __init__(self, response: httpx.Response, reason: object) -> None:
        self.response = response
        super().__init__(
            f"{response.request.method} {response.request.url} returned {response.status_code}, which "
            f"cathouse-client {VERSION} does not understand ({reason}). Check the address, and use the client of "
            "the platform's release."
        )


class ProblemError(CatHouseError):
    """Cat House refused the request, or failed: RFC 9457, with the class by the status."""

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        self.problem = problem
        self.status = problem.status
        self.title = problem.title
        self.detail = problem.detail
        self.request_id = problem.request_id
        """Quote it in a report: the logs of all services have it."""
        self.code = problem.type_.removeprefix(_PREFIX)
        """Names the kind of problem, such as `scope_missing`."""
        self.extra: dict[str, Any] = problem.additional_properties
        """The members that this kind of problem adds, such as `scope`."""
        self.retry_after = retry_after
        """Seconds after which the request may succeed, where the response says so."""
        message = f"{self.detail} ({self.code}, {self.status}, request {self.request_id})"
        if self.code in _NO_ROUTE:
            message += (
                f" This platform may be older or newer than cathouse-client {VERSION}: "
                "use the client of the platform's release."
            )
        super().__init__(message)

    @property
    def errors(self) -> Sequence[InvalidField]:
        """The fields that were refused; only of `InvalidRequest`."""
        return [] if isinstance(self.problem.errors, Unset) else self.problem.errors or []


class Unauthorized(ProblemError):
    """401: sign in, or give a valid credential."""


class Forbidden(ProblemError):
    """403: this user, or this installation, may not do this."""


class NotFound(ProblemError):
    """404: it does not exist, or belongs to another user."""


class Conflict(ProblemError):
    """409: the state of the thing does not allow it."""


class InvalidRequest(ProblemError):
    """422: `errors` names the fields."""


class TooManyRequests(ProblemError):
    """429: wait for `retry_after` seconds."""


class Unavailable(ProblemError):
    """502, 503, 504: a service or a cat does not respond now."""


_CLASSES = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: InvalidRequest,
    429: TooManyRequests,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def problem_of(response: httpx.Response) -> ProblemError | None:
    """Return the problem of the platform that a response is, or None. A cat's own errors are none."""
    content_type = response.headers.get("Content-Type", "").partition(";")[0]
    if response.status_code < 400 or content_type != "application/problem+json":
        return None
    try:
        problem = Problem.from_dict(response.json())
        of_the_platform = problem.type_.startswith(_PREFIX)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    if not of_the_platform:
        return None
    return _CLASSES.get(response.status_code, ProblemError)(problem, retry_after(response))


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds of `Retry-After`. Cat House never sends a date."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
