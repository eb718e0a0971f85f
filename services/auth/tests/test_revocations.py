"""The list of revocations: complete for every client that polls it, even during simultaneous commits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx
import jwt
import pytest
from cathouse_auth.models import Person
from cathouse_auth.services import revocations
from cathouse_auth.services.revocations import list_changes, revoke
from cathouse_kit.revocations import RevocationChanges
from cathouse_kit.testing import Execute, bearer
from cathouse_platform.platform import PLATFORM, Role
from fastapi import FastAPI
from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from .conftest import Join, SignIn

Listed = Callable[..., Awaitable[RevocationChanges]]

DISABLE, ENABLE = {"is_active": False}, {"is_active": True}


@pytest.fixture
def listed(client: httpx.AsyncClient, service_token: str) -> Listed:
    async def listed(since: int = 0) -> RevocationChanges:
        response = await client.get(
            PLATFORM.identity.revocations_path,
            params={"since": since},
            headers=bearer(service_token),
        )
        assert response.status_code == 200, response.text
        return RevocationChanges.model_validate(response.json())

    return listed


@pytest.fixture
async def root(join: Join) -> dict[str, Any]:
    return await join("Root", Role.ADMIN)


@pytest.fixture
def change(client: httpx.AsyncClient, root: dict[str, Any]) -> Callable[..., Awaitable[None]]:
    async def change(person: dict[str, Any], body: dict[str, Any]) -> None:
        url = f"/api/v1/auth/users/{person['id']}"
        response = await client.patch(url, headers=bearer(root["access_token"]), json=body)
        assert response.status_code == 200, response.text

    return change


@pytest.fixture
async def sessions(app: FastAPI, client: httpx.AsyncClient) -> AsyncIterator[list[AsyncSession]]:
    """Three simultaneous transactions."""
    created = [app.state.context.database.sessions() for _ in range(3)]
    yield created
    for session in created:
        await session.close()


def iat_of(token: str) -> float:
    return float(jwt.decode(token, options={"verify_signature": False})["iat"])


def active_of(changes: RevocationChanges) -> dict[str, bool]:
    return {str(entry.user_id): entry.active for entry in changes.items}


@pytest.mark.parametrize(
    "body",
    [{"role": "player"}, {"role": "admin"}, DISABLE, {"role": "player", "is_active": False}],
    ids=str,
)
async def test_disabling_and_every_change_of_role_end_older_tokens(
    join: Join, change: Any, listed: Listed, sign_in: SignIn, body: dict[str, Any]
) -> None:
    ada = await join("Ada", Role.DEVELOPER)
    assert (await listed()).items == []
    await change(ada, body)
    (entry,) = (await listed()).items
    assert (str(entry.user_id), entry.active) == (ada["id"], body.get("is_active", True))
    assert iat_of(ada["access_token"]) < entry.not_before.timestamp()
    if entry.active:
        again = (await sign_in(ada)).json()["access_token"]
        assert iat_of(again) >= entry.not_before.timestamp()


@pytest.mark.parametrize("body", [{}, {"role": "player"}, ENABLE, {"role": "player"} | ENABLE])
async def test_a_change_without_effect_ends_no_token(
    join: Join, change: Any, listed: Listed, body: dict[str, Any]
) -> None:
    await change(await join("Ada"), body)
    assert (await listed()).items == []


async def test_enabling_is_listed_and_moves_the_moment_on(
    join: Join, change: Any, listed: Listed
) -> None:
    ada = await join("Ada")
    await change(ada, DISABLE)
    first = await listed()
    await change(ada, ENABLE)
    then = await listed(first.next_since)
    assert active_of(then) == {ada["id"]: True}
    assert then.items[0].not_before > first.items[0].not_before
    assert active_of(await listed()) == {ada["id"]: True}


async def test_only_changes_after_since_are_listed_and_a_poll_without_any_is_one_query(
    app: FastAPI, join: Join, change: Any, listed: Listed
) -> None:
    ada, eve = await join("Ada"), await join("Eve")
    await change(ada, DISABLE)
    first = await listed()
    await change(eve, DISABLE)
    second = await listed(first.next_since)
    assert active_of(second) == {eve["id"]: False}
    statements: list[str] = []
    engine = app.state.context.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    nothing = await listed(second.next_since)
    assert (nothing.items, nothing.next_since) == ([], second.next_since)
    assert len(statements) == 1


async def test_entries_are_omitted_when_no_older_token_can_be_valid(
    join: Join, change: Any, listed: Listed, execute: Execute
) -> None:
    demoted, disabled, lately = [await join(name) for name in ("Dem", "Dis", "Late")]
    for person, body in ((demoted, {"role": "developer"}), (disabled, DISABLE)):
        await change(person, body)
    await execute("update revocations set not_before = not_before - interval '17 minutes'")
    await change(lately, {"role": "developer"})
    changes = await listed()
    assert active_of(changes) == {disabled["id"]: False, lately["id"]: True}
    assert (await listed(changes.next_since)).items == []


async def test_pages_are_limited_and_no_entry_is_lost_between_them(
    join: Join, change: Any, listed: Listed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "PAGE_ENTRIES", 2)
    people = [await join(f"P{n}") for n in range(5)]
    for person in people:
        await change(person, DISABLE)
    seen: list[str] = []
    since, more = 0, True
    while more:
        page = await listed(since)
        assert len(page.items) <= 2
        seen += [str(entry.user_id) for entry in page.items]
        since, more = page.next_since, page.more
    assert seen == [person["id"] for person in people]


async def test_the_list_starts_again_after_the_database_was_restored(
    join: Join, change: Any, listed: Listed
) -> None:
    ada = await join("Ada")
    await change(ada, DISABLE)
    of_another = (await listed()).next_since + 1_000_000
    response = await listed(of_another)
    assert active_of(response) == {ada["id"]: False}
    assert response.next_since < of_another


async def test_a_change_that_is_committed_late_is_not_missed(
    join: Join, sessions: list[AsyncSession]
) -> None:
    """An earlier transaction stays open while a later one revokes tokens, and a client polls the list."""
    ada, eve = await join("Ada"), await join("Eve")
    early, late, poller = sessions
    seen: dict[str, bool] = {}
    since = 0

    async def poll() -> None:
        nonlocal since
        changes = await list_changes(poller, since)
        await poller.commit()
        seen.update({str(entry.user_id): entry.active for entry in changes.items})
        since = changes.next_since

    async def disable(session: AsyncSession, person: dict[str, Any]) -> None:
        found = await session.get_one(Person, person["id"], with_for_update=True)
        found.is_active = False
        await session.flush()
        await revoke(session, found.id)

    await disable(early, ada)
    second = asyncio.create_task(disable(late, eve))
    waiting = text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
    while not second.done() and not await poller.scalar(waiting):
        await poller.commit()
        await poll()
    if second.done():
        # Without the lock, the later transaction would be committed and polled before the earlier one.
        await late.commit()
    await poll()
    await early.commit()
    await poll()
    await second
    await late.commit()
    await poll()
    assert seen == {ada["id"]: False, eve["id"]: False}


async def test_changes_at_the_same_time_all_reach_a_poller_once_each_is_answered(
    join: Join, change: Any, listed: Listed
) -> None:
    people = [await join(f"P{n}") for n in range(12)]
    known: dict[str, bool] = {}
    since = 0
    stop = asyncio.Event()

    async def poll() -> None:
        nonlocal since
        while True:
            last = stop.is_set()
            changes = await listed(since)
            since = changes.next_since
            known.update(active_of(changes))
            if last:
                return

    polling = asyncio.create_task(poll())
    await asyncio.gather(*(change(person, DISABLE) for person in people))
    stop.set()
    await polling
    assert known == {person["id"]: False for person in people}


async def test_no_refresh_at_the_moment_of_a_demotion_keeps_the_old_role(
    client: httpx.AsyncClient, join: Join, change: Any, listed: Listed, sign_in: SignIn
) -> None:
    """In either order, a token with the role admin is older than `not_before`."""
    ada = await join("Ada")
    for _ in range(6):
        await change(ada, {"role": "admin"})
        tokens = [(await sign_in(ada)).json()["refresh_token"] for _ in range(4)]
        refreshed = await asyncio.gather(
            *(client.post("/api/v1/auth/refresh", json={"refresh_token": t}) for t in tokens[:2]),
            change(ada, {"role": "player"}),
            *(client.post("/api/v1/auth/refresh", json={"refresh_token": t}) for t in tokens[2:]),
        )
        not_before: datetime = (await listed()).items[-1].not_before
        for response in refreshed:
            if response is not None:
                assert response.status_code == 200, response.text
                token = response.json()["access_token"]
                role = jwt.decode(token, options={"verify_signature": False})["role"]
                assert (role == "player") == (iat_of(token) >= not_before.timestamp())


async def test_a_refresh_waits_for_a_change_of_its_person(
    client: httpx.AsyncClient, join: Join, sessions: list[AsyncSession]
) -> None:
    ada = await join("Ada", Role.ADMIN)
    changing, watching, _ = sessions
    person = await changing.scalar(
        select(Person).where(Person.id == ada["id"]).with_for_update(key_share=True)
    )
    assert person is not None
    person.role = Role.PLAYER
    await changing.flush()
    refreshing = asyncio.create_task(
        client.post("/api/v1/auth/refresh", json={"refresh_token": ada["refresh_token"]})
    )
    waiting = text("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
    while not refreshing.done() and not await watching.scalar(waiting):
        await watching.commit()
    await changing.commit()
    token = (await refreshing).json()["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["role"] == "player"


@pytest.mark.parametrize("since", ["-1", "x", str(2**63)])
async def test_an_invalid_since_is_refused(
    client: httpx.AsyncClient, service_token: str, since: str
) -> None:
    response = await client.get(
        PLATFORM.identity.revocations_path, params={"since": since}, headers=bearer(service_token)
    )
    assert response.status_code == 422


async def test_the_largest_page_is_as_small_as_the_description_says(
    app: FastAPI, client: httpx.AsyncClient, service_token: str, execute: Execute
) -> None:
    await execute(
        "insert into people (email, display_name, role, is_active, password_hash) "
        "select n || '@example.com', 'x', 'developer', false, 'x' from generate_series(1, 1500) n"
    )
    await execute(
        "insert into revocations (person_id, not_before) select id, clock_timestamp() from people"
    )
    response = await client.get(PLATFORM.identity.revocations_path, headers=bearer(service_token))
    assert (len(response.json()["items"]), response.json()["more"]) == (1000, True)
    assert len(response.content) <= 128 * 1024
    assert (
        "128 KiB"
        in app.openapi()["paths"][PLATFORM.identity.revocations_path]["get"]["description"]
    )
