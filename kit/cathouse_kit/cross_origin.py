"""CORS: the origins that may call a service from a browser, and the response headers that they may read."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cathouse_kit.problems import BadRequest, problem_response

# Apart from a few simple headers, a page may read only these.
_READABLE = (
    "X-Request-ID",
    "Retry-After",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Deprecation",
    "Sunset",
    "Link",
)


class CrossOriginMiddleware(CORSMiddleware):
    """Allows the pages of these origins to call the service. A refused preflight gets a problem as its response."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=_READABLE,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except _PreflightRefused as refused:
            problem = BadRequest(f"{refused}.", headers={"Vary": "Origin"})
            await problem_response(problem, scope)(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code != 200:
            # The handler that catches it has the scope that the problem needs.
            raise _PreflightRefused(bytes(response.body).decode())
        return response


class _PreflightRefused(Exception):
    pass
