"""How a request comes to its route: few layers, and no search where the path has no parameters."""

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
    """FastAPI with the layers that were added, and without those of its own that do the same a second time.

    Left out are the handling of unexpected exceptions and, in later versions of FastAPI, a limit of bodies and traces:
    the kit has its own (`middleware.py`, `tracing.py`).
    """

    def add_routes(self, routes: Sequence[APIRoute]) -> None:
        """Add the routes of a router as they are. Versions of FastAPI that keep included routers apart match a request
        against all routes of each, and twice."""
        for route in routes:
            # The function's name: what a generated client should call the method.
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
    """Have pydantic validate the query in one call, where a model of it is all that a route reads from a request.

    FastAPI looks up each field of the model, which takes four times as long as its validation. The description is
    FastAPI's. A route that also has other parameters is left as it is: one response names all that is wrong.
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
            # Of a parameter that is repeated, FastAPI takes the last one, too.
            return model.model_validate(dict(request.query_params))
        except ValidationError as error:
            raise RequestValidationError(
                [
                    {**item, "loc": ("query", *item["loc"])}
                    for item in error.errors(include_url=False)
                ]
            ) from error

    # The handler of requests keeps the object, and the description reads the route's.
    route.dependant = copy(handled)
    handled.query_params = []
    reader = get_dependant(path=route.path, call=read, name=query.name)
    handled.dependencies = [*handled.dependencies, reader]


class _RoutesByPath:
    """Gives each request to the routes that its path can match, in their order: the same result as a search of all."""

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
    """A route whose function takes the request and returns the response: nothing is parsed, checked or converted.

    `response_model` is for the description alone. Dependencies are not run: its guard must be `anyone`.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        if any(inner.call is not anyone for inner in self.dependant.dependencies):
            raise ValueError(f"{self.path}: a plain route runs no dependency, and so is for anyone")
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler
