"""A table of every route and every kind of caller. The cat belongs to `developer`."""

from typing import Any
from uuid import uuid4

import pytest
from cathouse_kit.testing import Issuer, bearer, described_routes
from cathouse_platform.platform import PLATFORM, Role
from fastapi import FastAPI

from .support import CATS, TASK_KEEPER, Catalog

PEOPLE = (
    "nobody",
    "player",
    "developer",
    "other_developer",
    "admin",
    "expired",
    "stranger",
    "service",
)
PUBLIC = (200, 200, 200, 200, 200, 401, 401, 401)
ITS_DEVELOPER = (401, 403, "ok", 403, 403, 401, 401, 401)
ADMIN = (401, 403, 403, 403, "ok", 401, 401, 401)
PLAYER = (401, "ok", 403, 403, 403, 401, 401, 401)
INTERNAL = (401, 401, 401, 401, 401, 401, 401, 200)

# Method and path; the status of the cat before; the body; the status of a success ("ok"); the status for each of
# PEOPLE.
Case = tuple[str, str, Any, int, tuple[int | str, ...]]
ROUTES: dict[str, Case] = {
    "list_cats": ("GET /cats", "published", None, 200, PUBLIC),
    "read_cat": ("GET /cats/{cat_id}", "published", None, 200, PUBLIC),
    "create_cat": (
        "POST /cats",
        "published",
        TASK_KEEPER | {"name": "Another"},
        201,
        (401, 403, 201, 409, 403, 401, 401, 401),  # the slug of the other developer is taken
    ),
    "change_cat": ("PATCH /cats/{cat_id}", "published", {"name": "New"}, 200, ITS_DEVELOPER),
    "list_versions": ("GET /cats/{cat_id}/versions", "published", None, 200, PUBLIC),
    # 404 for everyone who can see the cat, because there is no such version.
    "read_version": (
        "GET /cats/{cat_id}/versions/9.9.9",
        "published",
        None,
        404,
        (404, 404, 404, 404, 404, 401, 401, 401),
    ),
    "add_version": (
        "POST /cats/{cat_id}/versions",
        "published",
        {"version": "2.0.0"},
        201,
        ITS_DEVELOPER,
    ),
    "submit_cat": (
        "POST /cats/{cat_id}/submit",
        "draft",
        None,
        200,
        (401, 403, 200, 404, 403, 401, 401, 401),
    ),
    "approve_cat": ("POST /cats/{cat_id}/approve", "submitted", None, 200, ADMIN),
    "reject_cat": ("POST /cats/{cat_id}/reject", "submitted", {"reason": "No."}, 200, ADMIN),
    "suspend_cat": ("POST /cats/{cat_id}/suspend", "published", None, 200, ADMIN),
    "restore_cat": ("POST /cats/{cat_id}/restore", "suspended", None, 200, ADMIN),
    "feature_cat": ("PUT /cats/{cat_id}/featured", "published", {"featured": True}, 200, ADMIN),
    "approve_endpoint": (
        "POST /cats/{cat_id}/endpoint/approve",
        "published",
        {"endpoint_url": "https://moved.example.com"},
        409,  # none is pending
        ADMIN,
    ),
    "reject_endpoint": (
        "POST /cats/{cat_id}/endpoint/reject",
        "published",
        {"endpoint_url": "https://moved.example.com"},
        409,
        ADMIN,
    ),
    "list_admin_actions": ("GET /admin-actions", "published", None, 200, ADMIN),
    "list_reviews": ("GET /cats/{cat_id}/reviews", "published", None, 200, PUBLIC),
    "write_my_review": (
        "PUT /cats/{cat_id}/reviews/mine",
        "published",
        {"rating": 5},
        201,
        PLAYER,
    ),
    # 404 for players, because they have no review.
    "delete_my_review": ("DELETE /cats/{cat_id}/reviews/mine", "published", None, 404, PLAYER),
    "list_categories": ("GET /categories", "published", None, 200, (200,) * 8),
    "read_whole_cat": ("GET /internal/cats/{cat_id}", "draft", None, 200, INTERNAL),
}  # fmt: skip


def test_the_table_has_every_route(app: FastAPI) -> None:
    listed = {route: case[0].replace("9.9.9", "{version}") for route, case in ROUTES.items()}
    assert listed == described_routes(app, "/api/v1/catalog")


@pytest.fixture
def tokens(catalog: Catalog, issuer: Issuer, service_token: str) -> dict[str, dict[str, str]]:
    return {
        "nobody": catalog.nobody,
        "player": catalog.player,
        "developer": catalog.developer,
        "other_developer": catalog.other_developer,
        "admin": catalog.admin,
        "expired": bearer(issuer.token(Role.ADMIN, expires_in=-60)),
        "stranger": bearer(Issuer(PLATFORM).token(Role.ADMIN)),
        "service": bearer(service_token),
    }


@pytest.mark.parametrize("route", ROUTES)
async def test_each_route_admits_only_its_callers(
    catalog: Catalog, tokens: dict[str, dict[str, str]], route: str
) -> None:
    target, status, body, success, expected = ROUTES[route]
    method, path = target.split(" ")
    answers: list[int | str] = []
    for person in PEOPLE:
        cat = await catalog.make(status)
        response = await catalog.client.request(
            method,
            f"/api/v1/catalog{path.format(cat_id=cat['id'])}",
            headers=tokens[person],
            json=body,
        )
        answers.append(response.status_code)
    assert answers == [success if status == "ok" else status for status in expected]


@pytest.mark.parametrize("credentials", ["Basic YTpi", "Bearer", "Bearer ", "Bearer x.y.z"])
async def test_invalid_tokens_are_refused_also_on_public_routes(
    catalog: Catalog, credentials: str
) -> None:
    response = await catalog.client.get(CATS, headers={"Authorization": credentials})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


async def test_changing_an_unknown_cat_is_not_found(catalog: Catalog) -> None:
    response = await catalog.client.patch(
        f"{CATS}/{uuid4()}", headers=catalog.developer, json={"name": "New"}
    )
    assert response.json()["type"] == "urn:cathouse:problem:cat_not_found"
