"""The path of a request to its route: few layers, and no search if the path has no parameters."""

from collections.abc import Callable, Coroutine, Sequence
from copy import copy
from inspect import isclass
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi._compat import is_scalar_field
from fastapi.dependencies.utils import get_dependant, get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from cathouse_kit.security import anyone, skip_anyone


class ServiceApp(FastAPI):
    """FastAPI without those of its layers that the kit replaces (`middleware.py`, `tracing.py`).

    These are the handling of unexpected exceptions and, in later versions of FastAPI, the limit of bodies and traces.
    """

    def add_routes(self, routes: Sequence[APIRoute]) -> None:
        """Add the routes of a router without changes.

        Newer versions of FastAPI keep included routers, and match a request twice against all routes of each.
        """
        for route in routes:
            # The name of the function, which generated clients use as the name of the method.
            route.unique_id = route.name
            skip_anyone(route)
            _read_query_at_once(route)
        self.router.routes.extend(routes)

    def build_middleware_stack(self) -> ASGIApp:
        handlers: Any = self.exception_handlers  # the types of the two differ by version
        app: ASGIApp = AsyncExitStackMiddleware(_RoutesByPath(self.router))
        app = ExceptionMiddleware(app, handlers=handlers)
        for layer, arguments, options in reversed(self.user_middleware):
            app = layer(app, *arguments, **options)
        return app


def _read_query_at_once(route: APIRoute) -> None:
    """Let pydantic validate the query in one call, if a route reads only a model of the query from the request.

    FastAPI looks up each field of the model, which costs four times as much as the validation. FastAPI still writes
    the description. A route with other parameters stays unchanged, because one response must name all its errors.
    """
    handled = route.dependant
    parameters = get_flat_params(handled)
    if len(handled.query_params) != 1 or route.body_field is not None:
        return
    (query,) = handled.query_params
    model = query.field_info.annotation
    if not (isclass(model) and issubclass(model, BaseModel)):
        return
    if len(parameters) != len(model.model_fields) or not all(map(is_scalar_field, parameters)):
        return

    async def read(request: Request) -> BaseModel:
        try:
            # Like FastAPI, use the last value of a repeated parameter.
            return model.model_validate(dict(request.query_params))
        except ValidationError as error:
            raise RequestValidationError(
                [
                    {**item, "loc": ("query", *item["loc"])}
                    for item in error.errors(include_url=False)
                ]
            ) from error

    # The handler uses the original object, and the description uses the copy in the route.
    route.dependant = copy(handled)
    handled.query_params = []
    reader = get_dependant(path=route.path, call=read, name=query.name)
    handled.dependencies = [*handled.dependencies, reader]


class _RoutesByPath:
    """Passes each request to the routes that its path can match, in their order, with the result of a full search."""

    def __init__(self, router: Router) -> None:
        self._all = router
        routes = [route for route in router.routes if isinstance(route, APIRoute)]
        self._by_path = {
            path: Router([route for route in routes if route.path_regex.match(path)])
            for path in {route.path for route in routes if not route.param_convertors}
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The lifespan has no path.
        router = self._by_path.get(scope.get("path", ""), self._all)
        await router.app(scope, receive, send)


class PlainRoute(APIRoute):
    """A route with a function from the request to the response. Nothing is parsed, validated or converted.

    `response_model` is only for the description. Dependencies do not run, so the guard must be `anyone`.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        if any(inner.call is not anyone for inner in self.dependant.dependencies):
            raise ValueError(
                f"{self.path}: a plain route runs no dependencies; use the guard anyone"
            )
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler
