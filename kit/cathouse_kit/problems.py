"""Errors as `application/problem+json` (RFC 9457), in one shape from every service.

The rules of a service raise subclasses of `Problem`. `install_problem_handlers` converts them, and all other errors, to
responses.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from loguru import logger
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from cathouse_kit.context import current_request
from cathouse_kit.platform import IDENTITY_NAME, PROBLEM_PREFIX
from cathouse_kit.validation_messages import plain_message

if TYPE_CHECKING:
    from cathouse_kit.service_context import ServiceContext

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20
"""The most errors that one validation problem reports."""


class InvalidField(BaseModel):
    """One error in a request."""

    loc: list[str | int] = Field(examples=[["body", "email"]])
    msg: str = Field(examples=["value is not a valid email address"])
    type: str = Field(examples=["value_error"])


class ProblemBody(BaseModel):
    """The body of every error response (RFC 9457, section 3)."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = Field(
        description="Identifies the kind of problem. It never changes within a version of the API",
        examples=[f"{PROBLEM_PREFIX}not_found"],
    )
    title: str = Field(description="The kind of problem, in words", examples=["Not found"])
    status: int = Field(description="The HTTP status", examples=[404])
    detail: str = Field(description="The error and its fix, in words")
    instance: str = Field(
        description="The path of the request", examples=[f"/api/v1/{IDENTITY_NAME}/me"]
    )
    request_id: str = Field(description="The id of the request in the logs")
    errors: list[InvalidField] | None = Field(
        default=None,
        max_length=MAX_ERRORS,
        description="The invalid fields of the request, only with status 422. "
        f"At most {MAX_ERRORS} errors are reported",
    )


class Problem(Exception):
    """An error that ends a request, with the data of its response.

    A subclass is one kind of problem. Its name in snake case ends the `type`, and it sets `status`, `title` and the
    default `detail`. `members` are additional members of the response, for programs.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal server error"
    detail: str = "An unexpected error occurred. Send the `request_id` to the operator, who finds it in the logs."

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        # Not super(): a problem may also be an HTTPException, which expects a status as its first argument.
        Exception.__init__(self, detail or self.detail)
        self.detail = detail or self.detail
        self.headers = dict(headers or {})
        self.members = members

    @classmethod
    def code(cls) -> str:
        """Return the kind of problem in snake case, such as `scope_missing`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class InternalError(Problem):
    pass


class BadRequest(Problem):
    status = 400
    title = "Bad request"
    detail = "The request cannot be parsed. Check its syntax and its encoding."


class Unauthenticated(Problem):
    status = 401
    title = "Not signed in"
    detail = (
        "Sign in, and send the access token in the header `Authorization: Bearer ACCESS_TOKEN`."
    )

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, **members)


class Forbidden(Problem):
    status = 403
    title = "Not allowed"
    detail = "This account is not allowed to do this. Use an account with the required rights."


class NotFound(Problem):
    status = 404
    title = "Not found"
    detail = "No resource exists at this path. Check the path."


class MethodNotAllowed(Problem):
    status = 405
    title = "Method not allowed"
    detail = (
        "This path does not support the method of the request. Use a method of the Allow header."
    )


class Conflict(Problem):
    status = 409
    title = "Conflict"
    detail = "The request conflicts with the current state. Read the state, and change the request."


class BodyTooLarge(Problem, HTTPException):  # type: ignore[misc]
    # Also an HTTPException, because FastAPI re-raises only those when it reads a body.
    status = 413
    title = "Body too large"

    def __init__(self, limit: int) -> None:
        detail = f"The body of the request is larger than {limit} bytes. Send a smaller body."
        Problem.__init__(self, detail, limit=limit)
        self.status_code = self.status


class InvalidRequest(Problem):
    status = 422
    title = "Invalid request"
    detail = "Request validation failed. See `errors`."

    def __init__(
        self, detail: str | None = None, *, errors: Sequence[Any] = (), **members: Any
    ) -> None:
        """Create the problem. `errors` may have any length; the first `MAX_ERRORS` are reported."""
        if len(errors) > MAX_ERRORS:
            detail = f"{detail or self.detail} Only the first {MAX_ERRORS} errors are listed."
        if errors:
            members["errors"] = list(errors[:MAX_ERRORS])
        super().__init__(detail, **members)

    @classmethod
    def of(cls, *loc: str | int, msg: str, kind: str = "value_error") -> "InvalidRequest":
        """Return the problem of one field, such as `InvalidRequest.of("query", "cursor", msg="is unknown")`."""
        return cls(errors=[{"loc": list(loc), "msg": msg, "type": kind}])


class TooManyRequests(Problem):
    status = 429
    title = "Too many requests"
    detail = "Too many requests. Try again after the seconds in the Retry-After header."

    def __init__(self, retry_after: int, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)}, **members)


class ServiceUnavailable(Problem):
    status = 503
    title = "Service unavailable"
    detail = (
        "A database or service that this service needs does not respond. "
        "Try again after the seconds in the Retry-After header."
    )

    def __init__(self, detail: str | None = None, *, retry_after: int = 1, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)}, **members)


_BY_STATUS: dict[int, type[Problem]] = {
    kind.status: kind
    for kind in (BadRequest, Unauthenticated, Forbidden, NotFound, MethodNotAllowed, Conflict)
}


def problem_response(problem: Problem, scope: Scope) -> Response:
    """Return the response for a problem. The `scope` of the request must have the app of a service."""
    context: ServiceContext = scope["app"].state.context
    request = current_request.get()
    body = {
        "type": f"{context.platform.problem_prefix}{problem.code()}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": scope["path"],
        "request_id": request.request_id if request else "",
    } | problem.members
    return Response(
        orjson.dumps(body),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def counted_response(problem: Problem, scope: Scope) -> Response:
    """Count a problem of a request that the app received, and return its response."""
    context: ServiceContext = scope["app"].state.context
    context.metrics.problems.labels(problem.code(), problem.members.get("peer", "")).inc()
    return problem_response(problem, scope)


def problem_responses(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Return the value of a route's `responses=` for these kinds of problem, by status."""
    declared: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        response = declared.setdefault(
            kind.status,
            {"description": "", "content": {MEDIA_TYPE: {"schema": SCHEMA_REF, "examples": {}}}},
        )
        response["description"] += f"{' · ' if response['description'] else ''}{kind.title}"
        response["content"][MEDIA_TYPE]["examples"][kind.code()] = {"value": example(kind)}
    return declared


SCHEMA_REF = {"$ref": "#/components/schemas/Problem"}


def example(kind: type[Problem]) -> dict[str, Any]:
    return {
        "type": f"{PROBLEM_PREFIX}{kind.code()}",
        "title": kind.title,
        "status": kind.status,
        "detail": getattr(kind, "detail", kind.title),
        "instance": "/api/v1/…",
        "request_id": "0d4f3c1e9b7a4f5d8c6b2a1908f7e6d5",
    }


def install_problem_handlers(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Convert every error of Starlette, FastAPI and the service's rules to a problem."""

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        kind = _BY_STATUS.get(error.status_code)
        if kind is None:
            raise error
        problem = kind() if kind is not BadRequest else BadRequest(error.detail)
        problem.headers |= dict(error.headers or {})
        if allowed := kind is MethodNotAllowed and _allowed_methods(routers, request.scope):
            problem.headers["Allow"] = allowed
        return counted_response(problem, request.scope)

    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - Starlette's signature is wider than what it calls us with
    if error.status >= 500:
        # The caller gets no reason, but the operator needs it.
        logger.warning("{}: {!r}", error.title, error.__cause__ or error)
    return counted_response(error, request.scope)


def _allowed_methods(routers: Sequence[APIRouter], scope: Scope) -> str:
    # Starlette only knows the methods of the first route at this path. Other methods may have other routes.
    methods = {
        method
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute) and route.matches(scope)[0] is Match.PARTIAL
        for method in route.methods or ()
    }
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    # One more than is reported shows that there are more. Pydantic's "input" is omitted, because it may be a password,
    # which clients that log responses would log.
    errors = [
        {"loc": list(item["loc"]), "msg": plain_message(item), "type": item["type"]}
        for item in error.errors()[: MAX_ERRORS + 1]
    ]
    return counted_response(InvalidRequest(errors=errors), request.scope)
