"""The path of a request to its route. These tests list the layers and dependencies that each request costs."""

from typing import Annotated, Any
from uuid import UUID

import pytest
from cathouse_kit.health import HEALTH_PATHS
from cathouse_kit.pagination import PageRequest, Paging
from cathouse_kit.routing import PlainRoute
from cathouse_kit.security import SignedIn, anyone, service_only, who_may_call
from cathouse_kit.testing import FakeServices, Issuer, running
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.dependencies import utils
from fastapi.routing import APIRoute
from pydantic import Field, StringConstraints

from .conftest import MakeApp


def layers(app: FastAPI) -> list[str]:
    """Return the names of an app's layers, outermost first."""
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


def test_optional_layers_are_in_their_places(make_app: MakeApp) -> None:
    app = make_app(cors_origins="https://app.example.com", forwarded_allow_ips="10.0.0.1")
    assert layers(app)[:4] == [
        "ForwardedMiddleware",
        "RequestMiddleware",
        "CrossOriginMiddleware",
        "RouteMiddleware",
    ]


def test_routes_belong_to_the_app_without_routers_between(make_app: MakeApp) -> None:
    routes = make_app().router.routes
    assert {type(route) for route in routes} <= {APIRoute, PlainRoute}
    assert len(routes) > len(HEALTH_PATHS)


def router_with(*paths: str) -> APIRouter:
    """Return a router with a route for each path, in this order. A route returns its path template."""
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
async def test_the_first_matching_route_is_found_as_in_a_full_search(
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


async def test_the_guard_anyone_marks_a_route_and_does_not_run(make_app: MakeApp) -> None:
    router = router_with("/open")
    app = make_app(router)
    (route,) = (route for route in router.routes if isinstance(route, APIRoute))
    assert route.dependant.dependencies == []
    assert who_may_call(route) == "anyone"
    async with running(app) as client:
        assert (await client.get("/open")).status_code == 200


async def test_other_guards_of_an_open_router_run(
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


def test_a_plain_route_with_another_guard_than_anyone_is_refused() -> None:
    router = APIRouter(dependencies=[Depends(service_only)], route_class=PlainRoute)
    with pytest.raises(ValueError, match="runs no dependencies"):
        router.add_api_route("/internal", plain)


class Filters(PageRequest):
    word: Annotated[str, StringConstraints(min_length=2, pattern="^[a-z]+$")] | None = None
    at: UUID | None = None
    mine: bool = False


FiltersQuery = Annotated[Filters, Query()]


def parameters_that_fastapi_looks_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that receives the name of each parameter that FastAPI looks up from now on."""
    looked_up: list[str] = []
    original = utils.request_params_to_args

    def recorded(fields: Any, received: Any) -> Any:
        looked_up.extend(field.name for field in fields)
        return original(fields, received)

    monkeypatch.setattr(utils, "request_params_to_args", recorded)
    return looked_up


def router_of_filters() -> APIRouter:
    """Return a router with two routes: the first reads only a query, the second also reads a path."""
    router = APIRouter(dependencies=[Depends(anyone)])

    @router.get("/read-at-once")
    async def read_at_once(query: FiltersQuery) -> Filters:
        return query

    @router.get("/read-by-fastapi/{of}")
    async def read_by_fastapi(of: str, query: FiltersQuery) -> Filters:
        return query

    return router


@pytest.mark.parametrize(
    "query",
    [
        "",
        "limit=5&cursor=x&word=cat&mine=true&at=7b7d0a3e-0f3b-4d0e-8f0f-0d8f5d8f3a11",
        "limit=5&limit=7&word=cat&word=dog",
        "limit=5&limit=many",
        "at=7b7d0a3e-0f3b-4d0e-8f0f-0d8f5d8f3a11&unknown=1",
        "limit=&cursor=&word=&at=&mine=",
        "limit=101&cursor=&word=c&at=x&mine=perhaps",
        "word=%00&mine=%ff&limit",
        f"cursor={'a' * 1025}&word=A",
    ],
)
async def test_a_query_model_gives_the_same_responses_as_fastapi(
    query: str, make_app: MakeApp
) -> None:
    async with running(make_app(router_of_filters())) as client:
        ours = await client.get(f"/read-at-once?{query}")
        theirs = await client.get(f"/read-by-fastapi/all?{query}")
    assert ours.status_code == theirs.status_code
    members = ("title", "detail", "errors") if ours.status_code == 422 else Filters.model_fields
    assert ours.headers["content-type"] == theirs.headers["content-type"]
    assert [ours.json().get(name) for name in members] == [
        theirs.json().get(name) for name in members
    ]


def test_a_query_model_is_described_by_fastapi(make_app: MakeApp) -> None:
    paths = make_app(router_of_filters()).openapi()["paths"]
    _, *parameters = paths["/read-by-fastapi/{of}"]["get"]["parameters"]
    assert paths["/read-at-once"]["get"]["parameters"] == parameters
    assert [parameter["name"] for parameter in parameters] == [
        "limit",
        "cursor",
        "word",
        "at",
        "mine",
    ]


async def test_fastapi_looks_up_no_parameter_of_a_query_model(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(make_app(router_of_filters())) as client:
        for path, expected in (("/read-at-once", []), ("/read-by-fastapi/all", ["of", "query"])):
            looked_up = parameters_that_fastapi_looks_up(monkeypatch)
            assert (await client.get(f"{path}?limit=5")).status_code == 200
            assert looked_up == expected


async def test_fastapi_reads_a_query_with_lists_and_a_query_with_a_body(make_app: MakeApp) -> None:
    class Words(PageRequest):
        words: list[str] = Field(default_factory=list)

    router = APIRouter(dependencies=[Depends(anyone)])

    @router.get("/words")
    async def words(query: Annotated[Words, Query()]) -> list[str]:
        return query.words

    @router.post("/numbers")
    async def numbers(body: list[int], query: Paging) -> list[int]:
        return body[: query.limit]

    async with running(make_app(router)) as client:
        assert (await client.get("/words?words=a&words=b")).json() == ["a", "b"]
        refused = await client.post("/numbers?limit=many", json=["one"])
    assert [error["loc"] for error in refused.json()["errors"]] == [["query", "limit"], ["body", 0]]
