"""How a request comes to its route. The layers and dependencies that each request pays for are listed here."""

from typing import Any

import pytest
from cathouse_kit.health import HEALTH_PATHS
from cathouse_kit.routing import PlainRoute
from cathouse_kit.security import SignedIn, anyone, service_only, who_may_call
from cathouse_kit.testing import FakeServices, Issuer, running
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute

from .conftest import MakeApp


def layers(app: FastAPI) -> list[str]:
    """The names of an app's layers, the outermost first."""
    found = []
    layer: Any = app.build_middleware_stack()
    while layer is not None:
        found.append(type(layer).__name__)
        layer = getattr(layer, "app", None)
    return found


def test_a_request_passes_two_layers_of_the_kit_and_two_of_fastapi(make_app: MakeApp) -> None:
    assert layers(make_app()) == [
        "RequestMiddleware",
        "RouteMiddleware",
        "ExceptionMiddleware",
        "AsyncExitStackMiddleware",
        "_RoutesByPath",
    ]


def test_layers_that_settings_ask_for_stand_where_they_must(make_app: MakeApp) -> None:
    app = make_app(cors_origins="https://app.example.com", forwarded_allow_ips="10.0.0.1")
    assert layers(app)[:4] == [
        "ForwardedMiddleware",
        "RequestMiddleware",
        "CrossOriginMiddleware",
        "RouteMiddleware",
    ]


def test_routes_are_the_apps_own_and_no_router_is_between(make_app: MakeApp) -> None:
    routes = make_app().router.routes
    assert {type(route) for route in routes} <= {APIRoute, PlainRoute}
    assert len(routes) > len(HEALTH_PATHS)


def router_with(*paths: str) -> APIRouter:
    """A router with a route for each path, in this order, which returns the path as it was written."""
    router = APIRouter(dependencies=[Depends(anyone)])
    for path in paths:
        router.add_api_route(path, _returning(path), name=path)
    return router


def _returning(text: str) -> Any:
    async def route() -> str:
        return text

    return route


@pytest.mark.parametrize(
    ("paths", "asked", "found"),
    [
        (("/cats/mine", "/cats/{cat}"), "/cats/mine", "/cats/mine"),
        (("/cats/mine", "/cats/{cat}"), "/cats/tom", "/cats/{cat}"),
        (("/cats/{cat}", "/cats/mine"), "/cats/mine", "/cats/{cat}"),
        (("/cats/{rest:path}", "/cats/a/b"), "/cats/a/b", "/cats/{rest:path}"),
    ],
)
async def test_the_first_route_that_fits_is_found_as_by_a_search_of_all(
    paths: tuple[str, ...], asked: str, found: str, make_app: MakeApp
) -> None:
    async with running(make_app(router_with(*paths))) as client:
        assert (await client.get(asked)).json() == found


async def test_another_method_of_the_same_path_is_found_or_refused(make_app: MakeApp) -> None:
    router = router_with("/cats", "/cats/{cat}")
    router.add_api_route("/cats", _returning("made"), methods=["POST"])
    async with running(make_app(router)) as client:
        assert (await client.post("/cats")).json() == "made"
        refused = await client.put("/cats")
        assert (await client.get("/cats/")).status_code == 404
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, POST")


async def test_anyone_marks_a_route_and_is_not_run(make_app: MakeApp) -> None:
    router = router_with("/open")
    app = make_app(router)
    (route,) = (route for route in router.routes if isinstance(route, APIRoute))
    assert route.dependant.dependencies == []
    assert who_may_call(route) == "anyone"
    async with running(app) as client:
        assert (await client.get("/open")).status_code == 200


async def test_other_guards_of_an_open_router_are_run(
    make_app: MakeApp, issuer: Issuer, fake_services: FakeServices
) -> None:
    async def mine(person: SignedIn) -> str:
        return str(person.role)

    router = APIRouter(dependencies=[Depends(anyone)])
    router.add_api_route("/mine", mine)
    async with running(make_app(router, transport=fake_services.transport)) as client:
        assert (await client.get("/mine")).status_code == 401
        assert (await client.get("/mine", headers=issuer.headers())).status_code == 200


async def plain(request: Request) -> Response:
    return Response(request.url.path)


def test_a_plain_route_for_others_than_anyone_is_refused() -> None:
    router = APIRouter(dependencies=[Depends(service_only)], route_class=PlainRoute)
    with pytest.raises(ValueError, match="runs no dependency"):
        router.add_api_route("/internal", plain)
