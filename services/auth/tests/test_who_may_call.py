"""Every route with every kind of caller. Each caller has an account, and auth reads its role from the database."""

from typing import Any

import httpx
import jwt
import pytest
from cathouse_kit.testing import Execute, Issuer, bearer, described_routes
from cathouse_platform.platform import PLATFORM, Role
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from .conftest import Join

PREFIX = "/api/v1/auth"
# Callers, with the role of their access token.
PEOPLE = {
    "nobody": Role.PLAYER,
    "player": Role.PLAYER,
    "other_player": Role.PLAYER,
    "developer": Role.DEVELOPER,
    "other_developer": Role.DEVELOPER,
    "admin": Role.ADMIN,
    "demoted": Role.ADMIN,  # now a player; the token still has the role admin
    "disabled": Role.ADMIN,  # the token is from before
    "expired": Role.ADMIN,
    "stranger": Role.ADMIN,  # the token is signed with another key
    "service": Role.PLAYER,
}
ANYONE: tuple[int | str, ...] = ("ok",) * len(PEOPLE)
SIGNED_IN = (401, "ok", "ok", "ok", "ok", "ok", "ok", 403, 401, 401, 401)
ADMIN = (401, 403, 403, 403, 403, "ok", 403, 403, 401, 401, 401)

# Method and path, the body with placeholders, the status for allowed callers, and the result for each of PEOPLE.
Case = tuple[str, dict[str, Any] | None, int, tuple[int | str, ...]]
ROUTES: dict[str, Case] = {
    "register": (
        "POST /register",
        {"email": "new.{email}", "password": "battery staple", "display_name": "New"},
        201,
        ANYONE,
    ),
    # In these three routes, the body identifies the caller.
    "login": (
        "POST /login",
        {"username": "{email}", "password": "{password}"},
        200,
        tuple(403 if who == "disabled" else "ok" for who in PEOPLE),
    ),
    "refresh": (
        "POST /refresh",
        {"refresh_token": "{refresh_token}"},
        200,
        tuple(401 if who == "disabled" else "ok" for who in PEOPLE),
    ),
    "logout": ("POST /logout", {"refresh_token": "{refresh_token}"}, 204, ANYONE),
    "jwks": ("GET /jwks", None, 200, ANYONE),
    "read_me": ("GET /me", None, 200, SIGNED_IN),
    "change_me": ("PATCH /me", {"display_name": "Renamed"}, 200, SIGNED_IN),
    "change_my_password": (
        "POST /me/password",
        {"current_password": "{password}", "new_password": "battery staple"},
        204,
        SIGNED_IN,
    ),
    "list_revocations": (
        "GET /internal/revocations",
        None,
        200,
        tuple("ok" if who == "service" else 401 for who in PEOPLE),
    ),
    "list_users": ("GET /users", None, 200, ADMIN),
    "list_admin_actions": ("GET /admin-actions", None, 200, ADMIN),
    "change_user": ("PATCH /users/{person_id}", {"role": "developer"}, 200, ADMIN),
}


def test_the_table_has_every_route(app: FastAPI) -> None:
    assert {route: case[0] for route, case in ROUTES.items()} == described_routes(app, PREFIX)


@pytest.fixture
async def people(client: httpx.AsyncClient, join: Join) -> dict[str, dict[str, Any]]:
    """Each of PEOPLE, with the ids and secrets that they know."""
    joined = {name: await join(name.replace("_", "-"), role) for name, role in PEOPLE.items()}
    admin = bearer(joined["admin"]["access_token"])
    for name, change in (("demoted", {"role": "player"}), ("disabled", {"is_active": False})):
        url = f"{PREFIX}/users/{joined[name]['id']}"
        assert (await client.patch(url, headers=admin, json=change)).status_code == 200
    return joined


@pytest.fixture
async def headers(
    people: dict[str, dict[str, Any]], execute: Execute, service_token: str
) -> dict[str, dict[str, str]]:
    """The headers that each of PEOPLE sends."""
    (key,) = await execute("select kid, private_key from signing_keys")
    ours, its_id = Ed25519PrivateKey.from_private_bytes(key["private_key"]), key["kid"]
    claims = jwt.decode(people["expired"]["access_token"], options={"verify_signature": False})
    expired = jwt.encode(claims | {"exp": claims["iat"] - 60}, ours, "EdDSA", {"kid": its_id})
    forged = Issuer(PLATFORM).token(Role.ADMIN, people["stranger"]["id"])
    return {name: bearer(person["access_token"]) for name, person in people.items()} | {
        "nobody": {},
        "expired": bearer(expired),
        "stranger": bearer(forged),
        "service": bearer(service_token),
    }


@pytest.mark.parametrize("route", ROUTES)
async def test_each_route_admits_only_its_callers(
    client: httpx.AsyncClient,
    join: Join,
    people: dict[str, dict[str, Any]],
    headers: dict[str, dict[str, str]],
    route: str,
) -> None:
    target, body, success, expected = ROUTES[route]
    method, path = target.format(person_id=(await join("Bystander"))["id"]).split(" ")
    responses: list[int | str] = []
    for name, person in people.items():
        filled = {key: value.format(**person) for key, value in (body or {}).items()}
        response = await client.request(
            method,
            f"{PREFIX}{path}",
            headers=headers[name],
            json=filled if body and route != "login" else None,
            data=filled if route == "login" else None,
        )
        responses.append(response.status_code)
    assert responses == [success if status == "ok" else status for status in expected]


async def test_a_refusal_says_whether_the_caller_is_not_signed_in_not_allowed_or_disabled(
    client: httpx.AsyncClient,
    people: dict[str, dict[str, Any]],
    headers: dict[str, dict[str, str]],
) -> None:
    kinds = {}
    for name in people:
        body = (await client.get(f"{PREFIX}/users", headers=headers[name])).json()
        kinds[name] = body.get("type", "").rpartition(":")[2]
    assert kinds == dict.fromkeys(PEOPLE, "forbidden") | {
        "admin": "",
        "disabled": "account_disabled",
        **dict.fromkeys(("nobody", "expired", "stranger", "service"), "unauthenticated"),
    }
