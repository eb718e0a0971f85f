import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cathouse_kit.testing import Execute, bearer
from cathouse_platform.platform import Role
from fastapi import FastAPI
from sqlalchemy import event

from .conftest import Join, SignIn

USERS = "/api/v1/auth/users"
DEMOTE = {"role": "player"}
DISABLE = {"is_active": False}


async def change(
    client: httpx.AsyncClient, admin: dict[str, Any], person: dict[str, Any], body: dict[str, Any]
) -> httpx.Response:
    return await client.patch(
        f"{USERS}/{person['id']}", headers=bearer(admin["access_token"]), json=body
    )


async def get(client: httpx.AsyncClient, admin: dict[str, Any], **query: Any) -> httpx.Response:
    return await client.get(USERS, headers=bearer(admin["access_token"]), params=query)


async def test_an_admin_sees_everyone_newest_first(client: httpx.AsyncClient, join: Join) -> None:
    people = [await join("Root", Role.ADMIN), await join("Ada"), await join("Eve")]
    response = await get(client, people[0])
    assert response.status_code == 200
    assert response.json()["next_cursor"] is None
    items = response.json()["items"]
    assert [item["id"] for item in items] == [person["id"] for person in reversed(people)]
    assert not any("password" in name for item in items for name in item)


async def test_pages_omit_and_repeat_nobody_while_people_join(
    client: httpx.AsyncClient, join: Join
) -> None:
    root = await join("Root", Role.ADMIN)
    everyone = [root, *[await join(f"P{n}") for n in range(6)]]
    seen: list[str] = []
    cursor: str | None = None
    for n in range(10):
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await get(client, root, **query)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        await join(f"Late{n}")
    assert seen == [person["id"] for person in reversed(everyone)]


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 101}, {"limit": "many"}, {"cursor": "%00"}, {"cursor": "bmV3"}],
)
async def test_an_invalid_page_request_is_refused(
    client: httpx.AsyncClient, join: Join, query: dict[str, Any]
) -> None:
    assert (await get(client, await join("Root", Role.ADMIN), **query)).status_code == 422


async def test_a_page_takes_as_many_queries_for_many_as_for_one(
    app: FastAPI, client: httpx.AsyncClient, join: Join
) -> None:
    root = await join("Root", Role.ADMIN)
    statements: list[str] = []
    engine = app.state.context.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    await get(client, root)
    for_one = len(statements)
    for n in range(5):
        await join(f"P{n}")
    statements.clear()
    assert len((await get(client, root)).json()["items"]) == 6
    assert len(statements) == for_one


@pytest.mark.parametrize("role", [Role.PLAYER, Role.DEVELOPER])
async def test_only_admins_manage_people(client: httpx.AsyncClient, join: Join, role: Role) -> None:
    root, ada = await join("Root", Role.ADMIN), await join("Ada", role)
    assert (await get(client, ada)).status_code == 403
    assert (await change(client, ada, root, DISABLE)).status_code == 403
    assert (await change(client, ada, ada, {"role": "admin"})).status_code == 403


async def test_a_role_counts_as_it_is_now_and_not_as_the_token_says(
    client: httpx.AsyncClient, join: Join
) -> None:
    root, ada = await join("Root", Role.ADMIN), await join("Ada")
    assert (await change(client, root, ada, {"role": "admin"})).json()["role"] == "admin"
    assert (await get(client, ada)).status_code == 200
    assert (await change(client, ada, root, DEMOTE)).json()["role"] == "player"
    assert (await get(client, root)).status_code == 403
    assert (await change(client, root, ada, DEMOTE)).status_code == 403


async def test_disabling_ends_the_persons_sessions_for_good(
    client: httpx.AsyncClient, join: Join, sign_in: SignIn
) -> None:
    root, ada = await join("Root", Role.ADMIN), await join("Ada")
    disabled = await change(client, root, ada, DISABLE)
    assert (disabled.status_code, disabled.json()["is_active"]) == (200, False)
    body = {"refresh_token": ada["refresh_token"]}
    assert (await client.post("/api/v1/auth/refresh", json=body)).status_code == 401
    assert (await sign_in(ada)).status_code == 403
    me = await client.get("/api/v1/auth/me", headers=bearer(ada["access_token"]))
    assert me.status_code == 403

    enabled = await change(client, root, ada, {"is_active": True})
    assert enabled.json()["is_active"]
    assert (await client.post("/api/v1/auth/refresh", json=body)).status_code == 401
    assert (await sign_in(ada)).status_code == 200


async def test_no_session_that_is_refreshed_meanwhile_outlives_being_disabled(
    client: httpx.AsyncClient, join: Join, sign_in: SignIn
) -> None:
    root, ada = await join("Root", Role.ADMIN), await join("Ada")

    async def refresh(token: str) -> httpx.Response:
        return await client.post("/api/v1/auth/refresh", json={"refresh_token": token})

    for _ in range(5):
        tokens = [(await sign_in(ada)).json()["refresh_token"] for _ in range(4)]
        refreshed, begun, disabled = await asyncio.gather(
            asyncio.gather(*(refresh(token) for token in tokens)),
            asyncio.gather(*(sign_in(ada) for _ in range(4))),
            change(client, root, ada, DISABLE),
        )
        assert disabled.status_code == 200
        assert (await change(client, root, ada, {"is_active": True})).status_code == 200
        for response in (*refreshed, *begun):
            if response.is_success:
                again = await refresh(response.json()["refresh_token"])
                assert again.status_code == 401


async def test_omitted_values_stay_unchanged(client: httpx.AsyncClient, join: Join) -> None:
    root, ada = await join("Root", Role.ADMIN), await join("Ada", Role.DEVELOPER)
    for body in ({}, {"role": None, "is_active": None}):
        response = await change(client, root, ada, body)
        assert response.status_code == 200
        assert (response.json()["role"], response.json()["is_active"]) == ("developer", True)


@pytest.mark.parametrize(
    "body", [{"role": "owner"}, {"is_active": "perhaps"}, {"email": "eve@example.com"}, []]
)
async def test_invalid_changes_are_refused(
    client: httpx.AsyncClient, join: Join, body: Any
) -> None:
    root = await join("Root", Role.ADMIN)
    assert (await change(client, root, await join("Ada"), body)).status_code == 422


async def test_an_unknown_id_is_refused(client: httpx.AsyncClient, join: Join) -> None:
    root = await join("Root", Role.ADMIN)
    unknown = await change(client, root, {"id": str(uuid4())}, DISABLE)
    assert unknown.status_code == 404
    assert unknown.json()["type"] == "urn:cathouse:problem:person_not_found"
    assert (await change(client, root, {"id": "ada"}, DISABLE)).status_code == 422


@pytest.mark.parametrize("body", [DEMOTE, DISABLE, DEMOTE | DISABLE, {"role": "developer"}])
async def test_the_last_active_admin_cannot_be_demoted_or_disabled(
    client: httpx.AsyncClient, join: Join, execute: Execute, body: dict[str, Any]
) -> None:
    root, other = await join("Root", Role.ADMIN), await join("Other", Role.ADMIN)
    await change(client, root, other, DISABLE)
    response = await change(client, root, root, body)
    assert response.status_code == 409
    assert response.json()["type"] == "urn:cathouse:problem:last_admin"
    (row,) = await execute("select role, is_active from people where id = :id", id=root["id"])
    assert (row["role"], row["is_active"]) == ("admin", True)


@pytest.mark.parametrize("body", [DEMOTE, DISABLE])
async def test_an_admin_who_is_not_the_last_may_step_down(
    client: httpx.AsyncClient, join: Join, body: dict[str, Any]
) -> None:
    root = await join("Root", Role.ADMIN)
    await join("Other", Role.ADMIN)
    assert (await change(client, root, root, body)).status_code == 200


@pytest.mark.parametrize("body", [DEMOTE, DISABLE])
@pytest.mark.parametrize("each_other", [True, False], ids=["each other", "themselves"])
async def test_one_of_two_admins_who_step_down_at_once_stays(
    client: httpx.AsyncClient,
    join: Join,
    execute: Execute,
    body: dict[str, Any],
    each_other: bool,
) -> None:
    first, second = await join("First", Role.ADMIN), await join("Second", Role.ADMIN)
    targets = (second, first) if each_other else (first, second)
    for _ in range(5):
        await execute("update people set role = 'admin', is_active = true")
        responses = await asyncio.gather(
            change(client, first, targets[0], body), change(client, second, targets[1], body)
        )
        assert sorted(response.status_code for response in responses) == [
            200,
            403 if each_other else 409,
        ]
        rows = await execute("select id from people where role = 'admin' and is_active")
        assert len(rows) == 1
