"""Actions of admins on cats: a row in the same transaction, a line in the log, and a list for admins."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from cathouse_catalog.models import AdminAction
from cathouse_catalog.services import workflow
from cathouse_kit.service_context import ServiceContext
from cathouse_kit.testing import Issuer, recorded_events
from cathouse_kit.tokens import Principal
from cathouse_platform.platform import Role
from fastapi import FastAPI
from sqlalchemy import select

from .support import CATS, Catalog, is_problem, wrong_fields

ACTIONS = "/api/v1/catalog/admin-actions"
MOVED = "https://elsewhere.example.com"
REASON = "It is empty."

# By action: the request of an admin; the status of the cat before; the details in the row.
Case = tuple[str, str, str, Any, dict[str, str]]
CASES: dict[str, Case] = {
    "cat_approved": ("submitted", "POST", "/approve", None, {}),
    "cat_rejected": ("submitted", "POST", "/reject", {"reason": REASON}, {"reason": REASON}),
    "cat_suspended": ("published", "POST", "/suspend", None, {}),
    "cat_restored": ("suspended", "POST", "/restore", None, {}),
    "cat_featured": ("published", "PUT", "/featured", {"featured": True}, {}),
    "cat_unfeatured": ("featured", "PUT", "/featured", {"featured": False}, {}),
    "endpoint_approved": (
        "moved",
        "POST",
        "/endpoint/approve",
        {"endpoint_url": MOVED},
        {"endpoint_url": MOVED},
    ),
    "endpoint_rejected": (
        "moved",
        "POST",
        "/endpoint/reject",
        {"endpoint_url": MOVED},
        {"endpoint_url": MOVED},
    ),
}


@pytest.fixture
def admin_id() -> UUID:
    return uuid4()


@pytest.fixture
def admin(issuer: Issuer, admin_id: UUID) -> dict[str, str]:
    """The headers of another admin than the one who published the cats."""
    return issuer.headers(Role.ADMIN, admin_id) | {"X-Request-ID": "request-of-an-admin"}


async def make(catalog: Catalog, status: str) -> dict[str, Any]:
    cat = await catalog.make("published" if status in ("featured", "moved") else status)
    path = f"{CATS}/{cat['id']}"
    if status == "featured":
        await catalog.client.put(f"{path}/featured", headers=catalog.admin, json={"featured": True})
    if status == "moved":
        await catalog.client.patch(path, headers=catalog.developer, json={"endpoint_url": MOVED})
    return cat


async def rows_of(app: FastAPI, admin_id: UUID) -> list[AdminAction]:
    context: ServiceContext = app.state.context
    async with context.database.sessions() as session:
        statement = select(AdminAction).where(AdminAction.admin_id == admin_id)
        return list(await session.scalars(statement.order_by(AdminAction.id)))


@pytest.mark.parametrize("action", CASES)
async def test_each_action_writes_one_row_and_one_log_line(
    app: FastAPI, catalog: Catalog, admin: dict[str, str], admin_id: UUID, action: str
) -> None:
    status, method, path, body, details = CASES[action]
    cat = await make(catalog, status)
    with recorded_events() as events:
        answer = await catalog.client.request(
            method, f"{CATS}/{cat['id']}{path}", headers=admin, json=body
        )
    assert answer.status_code == 200, answer.text
    (row,) = await rows_of(app, admin_id)
    assert (row.action, str(row.subject_id), row.details) == (action, cat["id"], details)
    assert row.request_id == "request-of-an-admin"
    assert row.id.version == 7
    (event,) = events
    assert (event["event"], event["actor_id"], event["subject_id"], event["client"]) == (
        action,
        str(admin_id),
        cat["id"],
        "127.0.0.1",
    )
    # The log must not contain texts of users.
    assert event["details"] == {}


def test_the_table_has_every_route_for_admins_that_changes_something(app: FastAPI) -> None:
    described = {
        (method.upper(), path.partition("{cat_id}")[2])
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
        if "review" in operation.get("tags", []) and not path.endswith("/submit")
    }
    assert {(method, path) for _, method, path, _, _ in CASES.values()} == described


@pytest.mark.parametrize("action", CASES)
async def test_a_refused_action_leaves_no_row_and_no_log_line(
    app: FastAPI, catalog: Catalog, admin: dict[str, str], admin_id: UUID, action: str
) -> None:
    _, method, path, body, _ = CASES[action]
    draft = await catalog.make("draft")
    with recorded_events() as events:
        for cat_id, headers in (
            (draft["id"], admin),
            (uuid4(), admin),
            (draft["id"], catalog.developer),
            (draft["id"], catalog.player),
            (draft["id"], catalog.nobody),
        ):
            answer = await catalog.client.request(
                method, f"{CATS}/{cat_id}{path}", headers=headers, json=body
            )
            assert answer.status_code in (401, 403, 404, 409)
    assert events == []
    assert await rows_of(app, admin_id) == []


async def test_a_rolled_back_transaction_leaves_no_row_and_no_log_line(
    app: FastAPI, catalog: Catalog, admin_id: UUID
) -> None:
    cat = await catalog.make("submitted")
    context: ServiceContext = app.state.context
    principal = Principal(admin_id, Role.ADMIN, uuid4())
    with recorded_events() as events:
        async with context.database.sessions() as session:
            await workflow.approve(session, UUID(cat["id"]), principal)
            await session.rollback()
    assert events == []
    assert await rows_of(app, admin_id) == []
    assert (await catalog.read(cat))["status"] == "submitted"


async def test_featuring_a_featured_cat_is_not_recorded(
    app: FastAPI, catalog: Catalog, admin: dict[str, str], admin_id: UUID
) -> None:
    cat = await catalog.make()
    for featured, actions in ((False, 0), (True, 1), (True, 1), (False, 2), (False, 2)):
        answer = await catalog.client.put(
            f"{CATS}/{cat['id']}/featured", headers=admin, json={"featured": featured}
        )
        assert answer.json()["featured"] is featured
        assert len(await rows_of(app, admin_id)) == actions


async def test_one_of_many_concurrent_decisions_has_a_row(
    app: FastAPI, catalog: Catalog, admin: dict[str, str], admin_id: UUID
) -> None:
    cat = await catalog.make("submitted")
    with recorded_events() as events:
        answers = await asyncio.gather(
            *(catalog.client.post(f"{CATS}/{cat['id']}/approve", headers=admin) for _ in range(10))
        )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert len(events) == len(await rows_of(app, admin_id)) == 1


@pytest.mark.parametrize("character", ["🐈", '"', "\\", "x\n"])
async def test_the_longest_reason_is_stored_whole(
    catalog: Catalog, admin: dict[str, str], admin_id: UUID, character: str
) -> None:
    reason = (character * 2000)[:1999] + "."
    cat = await catalog.make("submitted")
    answer = await catalog.client.post(
        f"{CATS}/{cat['id']}/reject", headers=admin, json={"reason": reason}
    )
    assert answer.status_code == 200, answer.text
    (item,) = await catalog.walk(ACTIONS, admin, admin_id=admin_id)
    assert item["details"] == {"reason": reason}


async def test_admins_list_actions_newest_first_in_pages(
    catalog: Catalog, admin: dict[str, str], admin_id: UUID
) -> None:
    cats = [await catalog.make("submitted") for _ in range(3)]
    for action in ("approve", "suspend"):
        for cat in cats:
            await catalog.client.post(f"{CATS}/{cat['id']}/{action}", headers=admin)
    expected = [
        (name, cat["id"]) for name in ("cat_suspended", "cat_approved") for cat in reversed(cats)
    ]
    for limit in (1, 4, 6, 100):
        found = await catalog.walk(ACTIONS, catalog.admin, limit=limit)
        assert [(item["action"], item["subject_id"]) for item in found] == expected
    assert found[0].pop("id")
    assert found[0].pop("at").endswith("Z")
    assert found[0] == {
        "admin_id": str(admin_id),
        "action": "cat_suspended",
        "subject_id": cats[2]["id"],
        "details": {},
        "request_id": "request-of-an-admin",
    }
    one = await catalog.walk(ACTIONS, catalog.admin, limit=1, subject_id=cats[0]["id"])
    assert [item["action"] for item in one] == ["cat_suspended", "cat_approved"]
    assert await catalog.walk(ACTIONS, catalog.admin, admin_id=uuid4()) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("limit", limit) for limit in ("0", "101", "-1", "many", "9" * 30)),
        *(("cursor", cursor) for cursor in ("%00", "bmV3", "W10", "é", "x" * 1024, "x" * 1025)),
        ("cursor", "WyJhZG1pbl9hY3Rpb25zIiwibm8gaWQiXQ"),  # ["admin_actions", "no id"]
        ("admin_id", "ada"),
        ("subject_id", "' or true --"),
    ],
)
async def test_invalid_page_parameters_are_refused(
    catalog: Catalog, field: str, value: str
) -> None:
    answer = await catalog.client.get(ACTIONS, headers=catalog.admin, params={field: value})
    assert wrong_fields(answer) == [["query", field]]


async def test_a_cursor_of_another_list_is_refused(catalog: Catalog) -> None:
    for _ in range(2):
        await catalog.make()
    page = await catalog.page(limit=1)
    answer = await catalog.client.get(
        ACTIONS, headers=catalog.admin, params={"cursor": page["next_cursor"]}
    )
    assert wrong_fields(answer) == [["query", "cursor"]]


async def test_only_admins_read_the_list(catalog: Catalog) -> None:
    cat = await catalog.make()
    for query in ({}, {"subject_id": cat["id"]}, {"limit": "many"}):
        for who in (catalog.player, catalog.developer, catalog.other_developer):
            answer = await catalog.client.get(ACTIONS, headers=who, params=query)
            assert is_problem(answer, 403, "forbidden")
        answer = await catalog.client.get(ACTIONS, params=query)
        assert is_problem(answer, 401, "unauthenticated")
