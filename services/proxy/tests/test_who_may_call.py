"""A table of every route and every kind of caller. The installation belongs to `player`."""

from uuid import uuid4

import httpx
import orjson
import pytest
from cathouse_kit.testing import FakeServices, Issuer, bearer, described_routes
from cathouse_platform.platform import PLATFORM, Role
from fastapi import FastAPI

from .support import VERIFY, FakePlatform

PREFIX = "/api/v1/proxy"
OTHER_CREDENTIAL = "cat_" + "d" * 43
# PEOPLE has no disabled person: test_disabled_owners.py covers them.
PEOPLE = (
    "nobody",
    "installation",
    "other_installation",
    "player",
    "other_player",
    "developer",
    "other_developer",
    "admin",
    "expired",
    "stranger",
    "service",
)
Answers = tuple[int, ...]
ANYONE: Answers = (200,) * len(PEOPLE)
CALLERS: Answers = (401, 200, 404, 200, 404, 404, 404, 404, 401, 401, 401)
READERS: Answers = (401, 401, 401, 200, 404, 404, 404, 200, 401, 401, 401)

# Method and path; the requested path with its parameters; the status for each of PEOPLE.
ROUTES: dict[str, tuple[str, str, Answers]] = {
    "list_audit": ("GET /audit", "/audit?installation_id={installation_id}", READERS),
    "jwks": ("GET /jwks", "/jwks", ANYONE),
    **{
        f"call_cat_{method.lower()}": (
            f"{method} /{{installation_id}}/{{path}}",
            f"/{{installation_id}}/{path}",
            CALLERS,
        )
        for method, path in {
            "GET": "tasks",
            "HEAD": "tasks",
            "POST": "tasks",
            "PUT": "tasks",
            "OPTIONS": "tasks",
            "PATCH": "tasks/1",
            "DELETE": "tasks/1",
        }.items()
    },
}


def test_the_table_has_every_route(app: FastAPI) -> None:
    assert {route: case[0] for route, case in ROUTES.items()} == described_routes(app, PREFIX)


@pytest.fixture
def headers(
    platform: FakePlatform, issuer: Issuer, service_token: str
) -> dict[str, dict[str, str]]:
    """Return the headers of each of PEOPLE."""
    return {
        "nobody": {},
        "installation": bearer(platform.credential),
        "other_installation": bearer(OTHER_CREDENTIAL),
        "player": issuer.headers(Role.PLAYER, platform.owner_id),
        "other_player": issuer.headers(Role.PLAYER),
        "developer": issuer.headers(Role.DEVELOPER),
        "other_developer": issuer.headers(Role.DEVELOPER),
        "admin": issuer.headers(Role.ADMIN),
        "expired": bearer(issuer.token(Role.PLAYER, platform.owner_id, expires_in=-60)),
        "stranger": bearer(Issuer(PLATFORM).token(Role.PLAYER, platform.owner_id)),
        "service": bearer(service_token),
    }


@pytest.mark.parametrize("route", ROUTES)
async def test_each_route_admits_only_its_callers(
    client: httpx.AsyncClient,
    platform: FakePlatform,
    fake_services: FakeServices,
    headers: dict[str, dict[str, str]],
    route: str,
) -> None:
    def verify(request: httpx.Request) -> httpx.Response:
        if orjson.loads(request.content) != {"credential": OTHER_CREDENTIAL}:
            return platform.verify(request)
        other = {"installation_id": str(uuid4()), "user_id": str(uuid4())}
        rest = {
            "cat_id": str(platform.cat_id),
            "status": "active",
            "granted_scopes": ["tasks:read"],
        }
        return httpx.Response(200, json=other | rest)

    fake_services.on("POST", VERIFY, verify)
    del client.headers["Authorization"]
    target, asked, expected = ROUTES[route]
    method = target.partition(" ")[0]
    url = PREFIX + asked.format(installation_id=platform.installation_id)
    answers = [
        (await client.request(method, url, headers=headers[name])).status_code for name in PEOPLE
    ]
    assert answers == list(expected)
