"""Admin actions: a row in the same transaction, a line in the log, and a list for admins."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from cathouse_auth.models import AdminAction
from cathouse_auth.services import people
from cathouse_kit.testing import Execute, bearer, recorded_events
from cathouse_platform.admin_actions import MAX_DETAILS, record_admin_action
from cathouse_platform.platform import Role
from cathouse_platform.security_events import SecurityEvent
from fastapi import FastAPI
from sqlalchemy.exc import IntegrityError

from .conftest import Join

USERS = "/api/v1/auth/users"
ACTIONS = "/api/v1/auth/admin-actions"
REQUEST_ID = "request-of-an-admin"
PROMOTED = ("role_changed", {"before": "player", "after": "developer"})


async def change(
    client: httpx.AsyncClient, admin: dict[str, Any], person: dict[str, Any], **body: Any
) -> httpx.Response:
    headers = bearer(admin["access_token"]) | {"X-Request-ID": REQUEST_ID}
    return await client.patch(f"{USERS}/{person['id']}", headers=headers, json=body)


async def get(client: httpx.AsyncClient, admin: dict[str, Any], **query: Any) -> httpx.Response:
    return await client.get(ACTIONS, headers=bearer(admin["access_token"]), params=query)


async def walk(
    client: httpx.AsyncClient, admin: dict[str, Any], **query: Any
) -> list[dict[str, Any]]:
    page = (await get(client, admin, **query)).json()
    items: list[dict[str, Any]] = page["items"]
    while page["next_cursor"]:
        page = (await get(client, admin, **query, cursor=page["next_cursor"])).json()
        items += page["items"]
    return items


@pytest.mark.parametrize(
    ("before", "body", "expected"),
    [
        ({}, {"role": "developer"}, [PROMOTED]),
        ({}, {"role": "admin"}, [("role_changed", {"before": "player", "after": "admin"})]),
        ({}, {"is_active": False}, [("account_disabled", {})]),
        ({"is_active": False}, {"is_active": True}, [("account_enabled", {})]),
        ({}, {"role": "developer", "is_active": False}, [PROMOTED, ("account_disabled", {})]),
        ({}, {"role": "player", "is_active": True}, []),
        ({"is_active": False}, {"is_active": False}, []),
        ({}, {}, []),
    ],
)
async def test_each_change_of_a_person_is_one_row_and_one_line(
    client: httpx.AsyncClient,
    join: Join,
    execute: Execute,
    before: dict[str, Any],
    body: dict[str, Any],
    expected: list[tuple[str, dict[str, str]]],
) -> None:
    root, ada = await join("Root", Role.ADMIN), await join("Ada")
    await change(client, root, ada, **before)
    await execute("truncate admin_actions")
    with recorded_events() as events:
        assert (await change(client, root, ada, **body)).status_code == 200
    rows = await execute("select * from admin_actions order by id")
    assert [(row["action"], row["details"]) for row in rows] == expected
    for row in rows:
        assert (str(row["admin_id"]), str(row["subject_id"])) == (root["id"], ada["id"])
        assert row["request_id"] == REQUEST_ID
        assert row["id"].version == 7
    lines = [event for event in events if event["event"] != "session_ended"]
    assert [(line["event"], line["details"]) for line in lines] == expected
    for line in lines:
        assert (line["actor_id"], line["subject_id"]) == (root["id"], ada["id"])
        assert line["client"] == "127.0.0.1"


async def test_a_refused_change_leaves_no_row_and_no_line(
    client: httpx.AsyncClient, join: Join, execute: Execute
) -> None:
    root, ada = await join("Root", Role.ADMIN), await join("Ada")
    with recorded_events() as events:
        responses = [
            await change(client, root, root, role="player"),
            await change(client, root, root, is_active=False),
            await change(client, ada, root, is_active=False),
            await change(client, root, {"id": uuid4()}, is_active=False),
            await change(client, root, ada, role="owner"),
        ]
    assert [response.status_code for response in responses] == [409, 409, 403, 404, 422]
    assert events == []
    assert await execute("select id from admin_actions") == []


async def test_a_change_that_cannot_be_committed_leaves_no_row_and_no_line(
    client: httpx.AsyncClient, join: Join, execute: Execute
) -> None:
    root, ada = await join("Root", Role.ADMIN), await join("Ada")
    await execute(
        "create function refuse() returns trigger language plpgsql as "
        "$$ begin raise exception 'not today'; end $$"
    )
    await execute(
        "create constraint trigger refuse after update on people "
        "deferrable initially deferred for each row execute function refuse()"
    )
    try:
        with recorded_events() as events:
            response = await change(client, root, ada, role="developer", is_active=False)
    finally:
        await execute("drop function refuse cascade")
    assert response.status_code == 500
    assert events == []
    assert await execute("select id from admin_actions") == []
    (row,) = await execute("select role, is_active from people where id = :id", id=ada["id"])
    assert (row["role"], row["is_active"]) == ("player", True)


async def test_a_change_without_its_row_is_rolled_back(
    client: httpx.AsyncClient, join: Join, execute: Execute
) -> None:
    root, ada = await join("Root", Role.ADMIN), await join("Ada")
    await execute("alter table admin_actions add constraint none_today check (false)")
    try:
        with recorded_events() as events:
            response = await change(client, root, ada, is_active=False)
    finally:
        await execute("alter table admin_actions drop constraint none_today")
    assert response.status_code == 500
    assert events == []
    (row,) = await execute("select is_active from people where id = :id", id=ada["id"])
    assert row["is_active"]


async def test_a_transaction_that_is_rolled_back_leaves_no_row_and_no_line(
    app: FastAPI, join: Join, execute: Execute
) -> None:
    root, ada = await join("Root", Role.ADMIN), await join("Ada")
    with recorded_events() as events:
        async with app.state.context.database.sessions() as session:
            await people.change_person(
                session,
                UUID(ada["id"]),
                changed_by=UUID(root["id"]),
                role=Role.DEVELOPER,
                is_active=False,
            )
            await session.rollback()
    assert events == []
    assert await execute("select id from admin_actions") == []


async def test_admins_list_actions_newest_first_in_pages(
    client: httpx.AsyncClient, join: Join
) -> None:
    root, ada, eve = await join("Root", Role.ADMIN), await join("Ada"), await join("Eve")
    other = await join("Other", Role.ADMIN)
    for n in range(5):
        await change(client, root, ada, is_active=bool(n % 2))
    await change(client, other, ada, role="developer")
    await change(client, other, eve, role="admin")
    everything = (await get(client, root)).json()["items"]
    assert [item["action"] for item in everything] == [
        "role_changed",
        "role_changed",
        *["account_disabled", "account_enabled"] * 2,
        "account_disabled",
    ]
    newest = everything[0]
    assert newest.pop("id")
    assert newest.pop("at").endswith("Z")
    assert newest == {
        "admin_id": other["id"],
        "action": "role_changed",
        "subject_id": eve["id"],
        "details": {"before": "player", "after": "admin"},
        "request_id": REQUEST_ID,
    }
    for limit in (1, 2, 3, 7, 100):
        assert (await walk(client, root, limit=limit))[1:] == everything[1:]
    # Eve is now an admin, and sees the same list.
    assert len(await walk(client, eve)) == 7


async def test_actions_are_found_by_admin_and_by_subject(
    client: httpx.AsyncClient, join: Join
) -> None:
    root, ada, eve = await join("Root", Role.ADMIN), await join("Ada"), await join("Eve")
    other = await join("Other", Role.ADMIN)
    for admin in (root, other):
        for person in (ada, eve):
            await change(client, admin, person, is_active=admin is other)
    for query, expected in (
        ({"admin_id": root["id"]}, [(root, eve), (root, ada)]),
        ({"subject_id": ada["id"]}, [(other, ada), (root, ada)]),
        ({"admin_id": other["id"], "subject_id": eve["id"]}, [(other, eve)]),
        ({"admin_id": ada["id"]}, []),
        ({"subject_id": str(uuid4())}, []),
    ):
        found = await walk(client, root, limit=1, **query)
        assert [(item["admin_id"], item["subject_id"]) for item in found] == [
            (admin["id"], person["id"]) for admin, person in expected
        ]


@pytest.mark.parametrize(
    "query",
    [
        *({"limit": limit} for limit in ("0", "101", "-1", "many", "1.5", "9" * 30, "")),
        *({"cursor": cursor} for cursor in ("%00", "bmV3", "W10", "é", "x" * 1024, "x" * 1025)),
        # ["admin_actions"], ["admin_actions", "no id"], ["admin_actions", 1], ["newest", an id]
        {"cursor": "WyJhZG1pbl9hY3Rpb25zIl0"},
        {"cursor": "WyJhZG1pbl9hY3Rpb25zIiwibm8gaWQiXQ"},
        {"cursor": "WyJhZG1pbl9hY3Rpb25zIiwxXQ"},
        {"cursor": "WyJuZXdlc3QiLCIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDAiXQ"},
        {"admin_id": "ada"},
        {"subject_id": "' or true --"},
    ],
)
async def test_an_invalid_page_request_is_refused(
    client: httpx.AsyncClient, join: Join, query: dict[str, str]
) -> None:
    response = await get(client, await join("Root", Role.ADMIN), **query)
    assert response.status_code == 422, response.text
    assert response.json()["type"] == "urn:cathouse:problem:invalid_request"
    assert response.json()["errors"][0]["loc"][1] in query


@pytest.mark.parametrize("role", [Role.PLAYER, Role.DEVELOPER])
async def test_only_admins_read_admin_actions(
    client: httpx.AsyncClient, join: Join, role: Role
) -> None:
    root, ada = await join("Root", Role.ADMIN), await join("Ada", role)
    await change(client, root, ada, is_active=True)
    for query in ({}, {"admin_id": root["id"]}, {"subject_id": ada["id"]}, {"limit": "many"}):
        response = await get(client, ada, **query)
        assert response.status_code == 403
        assert response.json()["type"] == "urn:cathouse:problem:forbidden"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_no_route_changes_or_deletes_an_action(
    client: httpx.AsyncClient, join: Join, execute: Execute, method: str
) -> None:
    root, ada = await join("Root", Role.ADMIN), await join("Ada")
    await change(client, root, ada, role="developer")
    (before,) = await execute("select * from admin_actions")
    headers = bearer(root["access_token"])
    for path, status in ((ACTIONS, 405), (f"{ACTIONS}/{before['id']}", 404)):
        assert (await client.request(method, path, headers=headers)).status_code == status
    assert await execute("select * from admin_actions") == [before]


async def test_details_have_a_bound_in_the_database(app: FastAPI, execute: Execute) -> None:
    around = len('{"reason": ""}')
    for length in (MAX_DETAILS - around, MAX_DETAILS - around + 1):
        async with app.state.context.database.sessions() as session:
            record_admin_action(
                session,
                AdminAction,
                SecurityEvent.ROLE_CHANGED,
                admin_id=uuid4(),
                subject_id=uuid4(),
                unlogged={"reason": "x" * length},
            )
            if length + around <= MAX_DETAILS:
                await session.commit()
            else:
                with pytest.raises(IntegrityError, match="details_are_bounded"):
                    await session.commit()
    assert len(await execute("select id from admin_actions")) == 1
