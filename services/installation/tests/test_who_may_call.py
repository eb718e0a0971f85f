"""A table of every route and every kind of caller. The installation belongs to `player`."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from cathouse_kit.testing import Issuer, bearer, described_routes
from cathouse_platform.platform import PLATFORM, Role
from fastapi import FastAPI

from .conftest import Adopt, Publish

URL = "/api/v1/installations"
# PEOPLE has no disabled person: test_disabled_people.py covers them.
PEOPLE = (
    "nobody",
    "player",
    "other_player",
    "developer",
    "other_developer",
    "admin",
    "expired",
    "stranger",
    "service",
)
SIGNED_IN = (401, "ok", "ok", "ok", "ok", "ok", 401, 401, 401)
PLAYER = (401, "ok", "ok", 403, 403, 403, 401, 401, 401)
OWNER = (401, "ok", 404, 404, 404, 404, 401, 401, 401)
SERVICE = (401, 401, 401, 401, 401, 401, 401, 401, "ok")

# Method and path; the body, with placeholders for ids; the status of a success ("ok"); the status for each of PEOPLE.
Case = tuple[str, dict[str, Any] | None, int, tuple[int | str, ...]]
ROUTES: dict[str, Case] = {
    "adopt_cat": ("POST ", {"cat_id": "{cat_id}", "granted_scopes": ["tasks:read"]}, 201, PLAYER),
    "list_installations": ("GET ", None, 200, SIGNED_IN),
    "read_installation": ("GET /{installation_id}", None, 200, OWNER),
    "change_installation": ("PATCH /{installation_id}", {"name": "Home"}, 200, OWNER),
    "pause_installation": ("POST /{installation_id}/pause", None, 200, OWNER),
    "resume_installation": ("POST /{installation_id}/resume", None, 200, OWNER),
    "uninstall_cat": ("DELETE /{installation_id}", None, 204, OWNER),
    "replace_scopes": (
        "PUT /{installation_id}/scopes",
        {"granted_scopes": ["tasks:read"]},
        200,
        OWNER,
    ),
    "rotate_credential": ("POST /{installation_id}/credential", None, 200, OWNER),
    "verify_installation": (
        "POST /internal/verify",
        {"installation_id": "{installation_id}"},
        200,
        SERVICE,
    ),
    # Services are admitted, and get an error for the missing query.
    "read_adoption": ("GET /internal/adoptions", None, 422, SERVICE),
}


def test_the_table_has_every_route(app: FastAPI) -> None:
    assert {route: case[0] for route, case in ROUTES.items()} == described_routes(app, URL)


@pytest.fixture
def headers(issuer: Issuer, player_id: UUID, service_token: str) -> dict[str, dict[str, str]]:
    """Return the headers of each of PEOPLE."""
    return {
        "nobody": {},
        "player": issuer.headers(Role.PLAYER, player_id),
        "other_player": issuer.headers(Role.PLAYER),
        "developer": issuer.headers(Role.DEVELOPER),
        "other_developer": issuer.headers(Role.DEVELOPER),
        "admin": issuer.headers(Role.ADMIN),
        "expired": bearer(issuer.token(Role.PLAYER, player_id, expires_in=-60)),
        "stranger": bearer(Issuer(PLATFORM).token(Role.PLAYER, player_id)),
        "service": bearer(service_token),
    }


@pytest.mark.parametrize("route", ROUTES)
async def test_each_route_admits_only_its_callers(
    client: httpx.AsyncClient,
    publish: Publish,
    adopt: Adopt,
    headers: dict[str, dict[str, str]],
    route: str,
) -> None:
    target, body, success, expected = ROUTES[route]
    known = {"installation_id": (await adopt())["installation"]["id"], "cat_id": str(publish())}
    method, path = target.format(**known).split(" ")
    filled = body and {
        key: value.format(**known) if isinstance(value, str) else value
        for key, value in body.items()
    }
    answers: list[int | str] = []
    for name in PEOPLE:
        response = await client.request(method, f"{URL}{path}", headers=headers[name], json=filled)
        answers.append(response.status_code)
    assert answers == [success if status == "ok" else status for status in expected]
