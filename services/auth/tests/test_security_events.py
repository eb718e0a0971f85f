"""Security events of sign-ins, sessions and passwords. test_admin_actions.py has those of admins."""

from typing import Any

import httpx
import pytest
from cathouse_auth.models import SigningKey
from cathouse_kit.signing_keys import rotate_signing_key
from cathouse_kit.testing import Execute, bearer, recorded_events
from cathouse_platform.platform import Role
from fastapi import FastAPI

from .conftest import Join, SignIn

Event = tuple[str, str | None, str | None, dict[str, Any]]

API = "/api/v1/auth"


def short(events: list[dict[str, Any]]) -> list[Event]:
    """Event, actor, subject, details."""
    return [(e["event"], e["actor_id"], e["subject_id"], e["details"]) for e in events]


async def change_password(
    client: httpx.AsyncClient, person: dict[str, Any], current: str, new: str
) -> httpx.Response:
    return await client.post(
        f"{API}/me/password",
        headers=bearer(person["access_token"]),
        json={"current_password": current, "new_password": new},
    )


async def test_a_sign_in_is_logged(join: Join, sign_in: SignIn) -> None:
    ada = await join("Ada")
    with recorded_events() as events:
        assert (await sign_in(ada)).status_code == 200
    assert short(events) == [("signed_in", ada["id"], ada["id"], {})]
    assert events[0]["client"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("changes", "is_active", "known", "reason"),
    [
        ({"password": "a wrong secret"}, True, True, "wrong_password"),
        ({"password": "a wrong secret"}, False, True, "wrong_password"),
        ({"username": "eve@example.com"}, True, False, "unknown_account"),
        ({"username": "no email at all"}, True, False, "unknown_account"),
        ({}, False, True, "account_disabled"),
    ],
)
async def test_a_sign_in_that_fails_is_logged_with_the_reason_and_without_the_email(
    join: Join,
    sign_in: SignIn,
    execute: Execute,
    changes: dict[str, str],
    is_active: bool,
    known: bool,
    reason: str,
) -> None:
    ada = await join("Ada")
    await execute("update people set is_active = :is_active", is_active=is_active)
    with recorded_events() as events:
        assert not (await sign_in(ada, **changes)).is_success
    subject = ada["id"] if known else None
    assert short(events) == [("sign_in_failed", None, subject, {"reason": reason})]
    assert "@" not in str(events)


async def test_the_end_of_a_session_is_logged_with_its_reason(
    client: httpx.AsyncClient, join: Join, sign_in: SignIn, execute: Execute
) -> None:
    root, ada = await join("Root", Role.ADMIN), await join("Ada")

    def ended(actor: str | None, reason: str, sessions: int) -> Event:
        return ("session_ended", actor, ada["id"], {"reason": reason, "sessions": sessions})

    async def post(path: str, token: str) -> httpx.Response:
        return await client.post(f"{API}/{path}", json={"refresh_token": token})

    with recorded_events() as events:
        await post("logout", ada["refresh_token"])
        assert short(events) == [ended(None, "signed_out", 1)]
        events.clear()
        # A second sign-out logs nothing.
        await post("logout", ada["refresh_token"])
        await post("logout", "unknown")
        assert events == []

        stolen = (await sign_in(ada)).json()["refresh_token"]
        await post("refresh", stolen)
        events.clear()
        assert (await post("refresh", stolen)).status_code == 401
        assert short(events) == [ended(None, "refresh_token_reused", 1)]

        sessions = [(await sign_in(ada)).json() for _ in range(3)]
        events.clear()
        person = ada | sessions[0]
        new = "a much better secret"
        assert (await change_password(client, person, ada["password"], new)).is_success
        assert short(events) == [
            ("password_changed", ada["id"], ada["id"], {}),
            ended(ada["id"], "password_changed", 2),
        ]

        events.clear()
        disable = {"is_active": False}
        headers = bearer(root["access_token"])
        await client.patch(f"{API}/users/{ada['id']}", headers=headers, json=disable)
        assert short(events) == [
            ("account_disabled", root["id"], ada["id"], {}),
            ended(root["id"], "account_disabled", 1),
        ]

        await client.patch(f"{API}/users/{ada['id']}", headers=headers, json={"is_active": True})
        await sign_in(ada, password=new)
        await execute("update sessions set expires_at = now() where person_id = :id", id=ada["id"])
        events.clear()
        await sign_in(root)
        assert short(events) == [
            ended(None, "expired", 1),
            ("signed_in", root["id"], root["id"], {}),
        ]


async def test_a_failed_password_change_is_logged(client: httpx.AsyncClient, join: Join) -> None:
    ada = await join("Ada")
    with recorded_events() as events:
        wrong = await change_password(client, ada, "a wrong secret", "a much better secret")
        weak = await change_password(client, ada, ada["password"], "passwordpassword")
    assert (wrong.status_code, weak.status_code) == (403, 422)
    assert short(events) == [
        ("password_change_failed", ada["id"], ada["id"], {"reason": "wrong_password"})
    ]


async def test_rotations_of_the_signing_key_are_logged_but_not_the_first_key(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    sessions = app.state.context.database.sessions
    with recorded_events() as events:
        await client.get(f"{API}/jwks")
        assert events == []
        async with sessions.begin() as session:
            kid = await rotate_signing_key(session, SigningKey)
        assert short(events) == [("signing_key_rotated", None, None, {"kid": kid})]
        async with sessions() as session:
            await rotate_signing_key(session, SigningKey)
            await session.rollback()
    assert len(events) == 1
