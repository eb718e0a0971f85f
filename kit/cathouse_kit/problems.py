"""Errors as `application/problem+json` (RFC 9457), in one shape from every service.

A service's rules raise subclasses of `Problem`; `install_problem_handlers` turns these, and whatever else ends a
request early, into answers.
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
"""How many errors one validation problem reports."""


class InvalidField(BaseModel):
    """One thing that is wrong with a request."""

    loc: list[str | int] = Field(examples=[["body", "email"]])
    msg: str = Field(examples=["value is not a valid email address"])
    type: str = Field(examples=["value_error"])


class ProblemBody(BaseModel):
    """What every error answer looks like (RFC 9457, section 3)."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = Field(
        description="Names the kind of problem, and never changes within a version of the API",
        examples=[f"{PROBLEM_PREFIX}not_found"],
    )
    title: str = Field(description="The kind of problem, for people", examples=["Not found"])
    status: int = Field(description="The HTTP status", examples=[404])
    detail: str = Field(description="This occurrence of it, for people")
    instance: str = Field(
        description="The path that was asked for", examples=[f"/api/v1/{IDENTITY_NAME}/me"]
    )
    request_id: str = Field(description="The id under which the logs know this request")
    errors: list[InvalidField] | None = Field(
        default=None,
        max_length=MAX_ERRORS,
        description="What was wrong with the request, field by field; only with status 422. "
        f"At most {MAX_ERRORS} errors are reported",
    )


class Problem(Exception):
    """An error that ends a request, and knows its answer.

    A subclass is one kind of problem: its name in snake case ends the `type`, and it sets `status`, `title` and
    its usual `detail`. What a caller's program may want to read goes into `members`, beside the standard ones.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal server error"
    detail: str = "Something went wrong here. The request id leads to what."

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        # Not super(): a problem may also be an HTTPException, which would take the detail for its status.
        Exception.__init__(self, detail or self.detail)
        self.detail = detail or self.detail
        self.headers = dict(headers or {})
        self.members = members

    @classmethod
    def code(cls) -> str:
        """The kind of problem as one word, such as `scope_missing`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class InternalError(Problem):
    pass


class BadRequest(Problem):
    status = 400
    title = "Bad request"
    detail = "The request cannot be read."


class Unauthenticated(Problem):
    status = 401
    title = "Not signed in"
    detail = "This needs an access token: Authorization: Bearer ACCESS_TOKEN."

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, **members)


class Forbidden(Problem):
    status = 403
    title = "Not allowed"
    detail = "You may not do this."


class NotFound(Problem):
    status = 404
    title = "Not found"
    detail = "There is nothing here by this name."


class MethodNotAllowed(Problem):
    status = 405
    title = "Method not allowed"
    detail = "This resource does not answer to this method; the Allow header says to which it does."


class Conflict(Problem):
    status = 409
    title = "Conflict"
    detail = "This contradicts what is there already."


class BodyTooLarge(Problem, HTTPException):  # type: ignore[misc]
    # Also an HTTPException, because FastAPI passes only those on from where it reads a body.
    status = 413
    title = "Body too large"

    def __init__(self, limit: int) -> None:
        Problem.__init__(self, f"A request's body may have {limit} bytes at most.", limit=limit)
        self.status_code = self.status


class InvalidRequest(Problem):
    status = 422
    title = "Invalid request"
    detail = "Some of the request is not as it must be; errors says what."

    def __init__(
        self, detail: str | None = None, *, errors: Sequence[Any] = (), **members: Any
    ) -> None:
        """`errors` may be of any length; the first `MAX_ERRORS` are reported."""
        if len(errors) > MAX_ERRORS:
            detail = f"{detail or self.detail} Only the first {MAX_ERRORS} errors are listed."
        if errors:
            members["errors"] = list(errors[:MAX_ERRORS])
        super().__init__(detail, **members)

    @classmethod
    def of(cls, *loc: str | int, msg: str, kind: str = "value_error") -> "InvalidRequest":
        """The problem of one field, such as `InvalidRequest.of("query", "cursor", msg="is not one of ours")`."""
        return cls(errors=[{"loc": list(loc), "msg": msg, "type": kind}])


class TooManyRequests(Problem):
    status = 429
    title = "Too many requests"
    detail = "That was too often; the Retry-After header says in how many seconds to try again."

    def __init__(self, retry_after: int, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)}, **members)


class ServiceUnavailable(Problem):
    status = 503
    title = "Service unavailable"
    detail = "Something that this service depends on does not answer; try again in a moment."

    def __init__(self, detail: str | None = None, *, retry_after: int = 1, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)}, **members)


_BY_STATUS: dict[int, type[Problem]] = {
    kind.status: kind
    for kind in (BadRequest, Unauthenticated, Forbidden, NotFound, MethodNotAllowed, Conflict)
}


def problem_response(problem: Problem, scope: Scope) -> Response:
    """The answer for a problem, to a request whose `scope` names the app of a service."""
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


def problem_responses(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """What a route declares with `responses=`: these kinds of problem, by their status."""
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
    """Makes every error that Starlette, FastAPI or a rule of the service raises a problem."""

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        kind = _BY_STATUS.get(error.status_code)
        if kind is None:
            raise error
        problem = kind() if kind is not BadRequest else BadRequest(error.detail)
        problem.headers |= dict(error.headers or {})
        if allowed := kind is MethodNotAllowed and _allowed_methods(routers, request.scope):
            problem.headers["Allow"] = allowed
        return problem_response(problem, request.scope)

    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - Starlette's signature is wider than what it calls us with
    if error.status >= 500:
        # The caller gets no reason; whoever runs the service needs it.
        logger.warning("{}: {!r}", error.title, error.__cause__ or error)
    return problem_response(error, request.scope)


def _allowed_methods(routers: Sequence[APIRouter], scope: Scope) -> str:
    # Starlette knows the methods of the first route at this path; the path's other methods may be routes of their own.
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
    # One more than is reported, which tells that there are more. Pydantic's "input" is left out: it would send a
    # password back, and into whoever logs answers.
    errors = [
        {"loc": list(item["loc"]), "msg": plain_message(item), "type": item["type"]}
        for item in error.errors()[: MAX_ERRORS + 1]
    ]
    return problem_response(InvalidRequest(errors=errors), request.scope)
