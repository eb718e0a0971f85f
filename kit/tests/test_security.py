from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from cathouse_kit.security import (
    SignedIn,
    anyone,
    guard,
    require_role,
    service_only,
    who_may_call,
)
from cathouse_kit.service import UnguardedRouteError
from cathouse_kit.testing import FakeServices, Issuer, bearer, running
from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from pydantic import SecretStr
from starlette.responses import PlainTextResponse

from .conftest import MakeApp
from .sample_platform import PLATFORM, Editor, Reader, Role, Writer
from .support import PREVIOUS_TOKEN, TOKEN

ADA = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
GUARDED = ["/signed-in", "/reader", "/writer", "/editor", "/either", "/internal/thing"]


def guarded_router() -> APIRouter:
    router = APIRouter()

    @router.get("/open", dependencies=[Depends(anyone)])
    async def open_to_all() -> str:
        return "all"

    @router.get("/signed-in")
    async def signed_in(person: SignedIn) -> str:
        return f"{person.role} {person.id}"

    @router.get("/reader")
    async def reader(person: Reader) -> str:
        return person.role

    @router.get("/writer")
    async def writer(person: Writer) -> str:
        return person.role

    @router.get("/editor")
    async def editor(person: Editor) -> str:
        return person.role

    @router.get("/either", dependencies=[Depends(require_role(Role.WRITER, Role.EDITOR))])
    async def either() -> None:
        pass

    @router.get("/internal/thing", dependencies=[Depends(service_only)])
    async def internal() -> None:
        pass

    return router


@pytest.fixture
async def client(
    make_app: MakeApp, fake_services: FakeServices
) -> AsyncIterator[httpx.AsyncClient]:
    async with running(make_app(guarded_router(), transport=fake_services.transport)) as client:
        yield client


async def test_an_open_route_needs_no_token(client: httpx.AsyncClient) -> None:
    assert (await client.get("/open")).status_code == 200


async def test_a_signed_in_person_is_known(client: httpx.AsyncClient, issuer: Issuer) -> None:
    response = await client.get("/signed-in", headers=issuer.headers(Role.EDITOR, ADA))
    assert response.json() == f"editor {ADA}"


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic dTpw", TOKEN]
)
async def test_requests_without_a_token_get_a_401_problem(
    path: str, authorization: str | None, client: httpx.AsyncClient
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    response = await client.get(path, headers=headers)
    assert response.status_code == 401
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json()["type"] == "urn:paper:problem:unauthenticated"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/signed-in", set(Role)),
        ("/reader", {Role.READER}),
        ("/writer", {Role.WRITER}),
        ("/editor", {Role.EDITOR}),
        ("/either", {Role.WRITER, Role.EDITOR}),
    ],
)
@pytest.mark.parametrize("role", list(Role))
async def test_other_roles_get_a_403_problem_that_names_the_required_role(
    path: str, allowed: set[Role], role: Role, client: httpx.AsyncClient, issuer: Issuer
) -> None:
    response = await client.get(path, headers=issuer.headers(role))
    assert response.status_code == (200 if role in allowed else 403)
    if role not in allowed:
        assert response.json()["type"] == "urn:paper:problem:forbidden"
        assert response.json()["detail"].endswith(f"Your role is {role}.")


async def test_internal_routes_are_for_the_service_token_only(
    client: httpx.AsyncClient, issuer: Issuer
) -> None:
    path = "/internal/thing"
    assert (await client.get(path, headers=bearer(TOKEN))).status_code == 200
    for token in (issuer.token(Role.EDITOR), TOKEN[:-1], f"{TOKEN}x", "\xe4" * 40):
        authorization = f"Bearer {token}".encode("latin-1")
        response = await client.get(path, headers={b"Authorization": authorization})
        assert response.status_code == 401
        assert TOKEN not in response.text


async def test_the_previous_service_token_is_accepted_during_a_rotation(
    make_app: MakeApp, fake_services: FakeServices
) -> None:
    token = SecretStr(f"{TOKEN}, {PREVIOUS_TOKEN}\n")
    app = make_app(guarded_router(), transport=fake_services.transport, service_token=token)
    async with running(app) as client:
        for shown, status in [
            (TOKEN, 200),
            (PREVIOUS_TOKEN, 200),
            (f"{TOKEN}, {PREVIOUS_TOKEN}", 401),
            (PREVIOUS_TOKEN[:-1], 401),
        ]:
            response = await client.get("/internal/thing", headers=bearer(shown))
            assert response.status_code == status


async def test_the_service_token_is_refused_as_an_access_token(client: httpx.AsyncClient) -> None:
    assert (await client.get("/editor", headers=bearer(TOKEN))).status_code == 401


async def test_without_keys_of_auth_the_response_is_503(
    client: httpx.AsyncClient, issuer: Issuer, fake_services: FakeServices
) -> None:
    fake_services.on("GET", PLATFORM.identity.keys_path, httpx.ConnectError("refused"))
    response = await client.get("/signed-in", headers=issuer.headers())
    assert response.status_code == 503
    assert response.json()["peer"] == "people"


async def test_the_description_names_the_token_of_a_route(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/api/v1/openapi.json")).json()["paths"]
    assert "security" not in paths["/open"]["get"]
    assert paths["/editor"]["get"]["security"] == [{"accessToken": []}]
    assert "401" in paths["/editor"]["get"]["responses"]
    assert paths["/internal/thing"]["get"]["security"] == [{"serviceToken": []}]


async def nothing() -> None:
    """A route or dependency without a guard."""


def test_a_service_with_an_unguarded_route_does_not_start(
    make_app: MakeApp,
) -> None:
    router = guarded_router()
    router.add_api_route("/forgotten", nothing, methods=["POST", "GET"])
    router.add_api_route("/forgotten-too", nothing, dependencies=[Depends(nothing)])
    with pytest.raises(
        UnguardedRouteError, match=r"^sample: GET /forgotten, POST /forgotten, GET /forgotten-too:"
    ):
        make_app(router)


def test_a_service_with_a_mount_or_a_nested_router_does_not_start(make_app: MakeApp) -> None:
    hidden = APIRouter()
    hidden.add_api_route("/hidden", nothing)
    nested, plain, mounted, socket = (APIRouter() for _ in range(4))
    nested.include_router(hidden)
    plain.add_route("/plain", lambda request: PlainTextResponse("hello"))
    mounted.mount("/mounted", PlainTextResponse("hello"))
    socket.add_api_websocket_route("/socket", nothing)
    for router in (nested, plain, mounted, socket):
        with pytest.raises(UnguardedRouteError):
            make_app(router)


async def test_a_guard_may_be_on_the_router_or_below_another_dependency(
    make_app: MakeApp, issuer: Issuer, fake_services: FakeServices
) -> None:
    async def below(person: SignedIn) -> None: ...

    on_router = APIRouter(dependencies=[Depends(anyone)])
    on_router.add_api_route("/one", nothing)
    router = APIRouter()
    router.add_api_route("/two", nothing, dependencies=[Depends(below)])
    app = make_app(on_router, router, transport=fake_services.transport)
    async with running(app) as client:
        assert (await client.get("/one")).status_code == 200
        assert (await client.get("/two")).status_code == 401
        assert (await client.get("/two", headers=issuer.headers())).status_code == 200


def test_a_service_can_add_a_guard(make_app: MakeApp) -> None:
    router = APIRouter()
    router.add_api_route("/guarded", nothing, dependencies=[Depends(guard("nobody")(lambda: None))])
    assert make_app(router).title == "Paper Mill sample"


def test_a_route_says_who_may_call_it() -> None:
    said = {
        route.path: who_may_call(route)
        for route in guarded_router().routes
        if isinstance(route, APIRoute)
    }
    assert said == {
        "/open": "anyone",
        "/signed-in": "signed in",
        "/reader": "reader",
        "/writer": "writer",
        "/editor": "editor",
        "/either": "writer or editor",
        "/internal/thing": "services",
    }
