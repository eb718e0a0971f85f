import asyncio
import threading
from typing import Literal

import httpx
import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters
from cathouse_auth.main import create_app
from cathouse_auth.services.passwords import Passwords
from cathouse_auth.settings import Settings
from cathouse_kit.testing import Execute, bearer, running
from fastapi import FastAPI
from sqlalchemy import text

from .conftest import Join, SignIn

LOGIN = "/api/v1/auth/login"
REGISTER = "/api/v1/auth/register"
ADA = {"email": "ada@example.com", "password": "correct horse battery", "display_name": "Ada"}


class ObservedHasher(PasswordHasher):
    """Records the cost of each comparison of a password."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.costs: list[Parameters] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.costs.append(extract_parameters(str(hash)))
        return super().verify(hash, password)


class HeldHasher(PasswordHasher):
    """Waits for the test before it compares a password."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.let_go = threading.Event()
        self.comparing = threading.Event()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.comparing.set()
        assert self.let_go.wait(timeout=30)
        return super().verify(hash, password)


async def test_signing_in_returns_a_pair_that_caches_must_not_store(
    join: Join, sign_in: SignIn
) -> None:
    response = await sign_in(await join("Ada"))
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    tokens = response.json()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 900)


async def test_the_access_token_identifies_the_person(
    client: httpx.AsyncClient, join: Join
) -> None:
    ada = await join("Ada")
    me = await client.get("/api/v1/auth/me", headers=bearer(ada["access_token"]))
    assert (me.status_code, me.json()["id"]) == (200, ada["id"])


@pytest.mark.parametrize(
    "username", ["ADA@example.com", " ada@EXAMPLE.COM ", "Ada <ada@example.com>"]
)
async def test_signing_in_accepts_the_spellings_of_the_email_that_registration_accepts(
    join: Join, sign_in: SignIn, username: str
) -> None:
    assert (await sign_in(await join("Ada"), username=username)).status_code == 200


async def test_an_email_with_unusual_letters_is_found_again(client: httpx.AsyncClient) -> None:
    # The second spelling has the dots as separate characters.
    await client.post(REGISTER, json=ADA | {"email": "ÄDA@exämple.de"})
    for username in ("äda@exämple.de", "A\u0308DA@exa\u0308mple.de"):
        form = {"username": username, "password": ADA["password"]}
        assert (await client.post(LOGIN, data=form)).status_code == 200


async def test_a_wrong_email_and_a_wrong_password_get_the_same_response(
    join: Join, sign_in: SignIn
) -> None:
    ada = await join("Ada")
    wrong_password = await sign_in(ada, password="not the secret of Ada")
    wrong_email = await sign_in(ada, username="eve@example.com")
    no_email = await sign_in(ada, username="eve")
    responses = [
        {**response.json(), "request_id": None, "status": response.status_code}
        for response in (wrong_password, wrong_email, no_email)
    ]
    assert responses[0]["status"] == 401
    assert responses[0]["type"] == "urn:cathouse:problem:wrong_credentials"
    assert responses == [responses[0]] * 3


@pytest.mark.parametrize(
    ("username", "password"),
    [
        (ADA["email"], ADA["password"]),
        (ADA["email"], "wrong horse battery"),
        ("eve@example.com", ADA["password"]),
        ("eve", ADA["password"]),
    ],
    ids=["right", "wrong password", "wrong email", "no email"],
)
async def test_every_attempt_costs_the_comparison_of_one_password(
    settings: Settings, emptied: None, username: str, password: str
) -> None:
    # The time must not reveal which emails have an account.
    hasher = ObservedHasher()
    async with running(create_app(settings, passwords=Passwords(hasher))) as client:
        await client.post(REGISTER, json=ADA)
        await client.post(LOGIN, data={"username": username, "password": password})
    assert hasher.costs == [extract_parameters(hasher.hash("any"))]


async def test_a_disabled_person_with_the_right_password_gets_the_reason(
    join: Join, sign_in: SignIn, execute: Execute
) -> None:
    ada = await join("Ada")
    await execute("update people set is_active = false")
    response = await sign_in(ada)
    assert response.status_code == 403
    assert response.json()["type"] == "urn:cathouse:problem:account_disabled"


async def test_a_disabled_person_with_a_wrong_password_gets_no_reason(
    join: Join, sign_in: SignIn, execute: Execute
) -> None:
    ada = await join("Ada")
    await execute("update people set is_active = false")
    response = await sign_in(ada, password="not the secret of Ada")
    assert response.status_code == 401
    assert response.json()["type"] == "urn:cathouse:problem:wrong_credentials"


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"username=ada%40example.com",
        b"username=a%00da&password=correct+horse+battery",
        b"username=ada%40example.com&password=correct+horse%00battery",
        b"username=%ED%A0%80&password=%ED%A0%80",
        b"username=ada%40example.com&password=correct+horse+battery&role=admin",
        b"username=ada%40example.com&password=correct+horse+battery&grant_type=client_credentials",
        b"username=" + b"a" * 255 + b"&password=correct+horse+battery",
        b"username=ada%40example.com&password=" + b"a" * 129,
    ],
)
async def test_an_invalid_form_is_refused(client: httpx.AsyncClient, form: bytes) -> None:
    response = await client.post(
        LOGIN, content=form, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert response.status_code in (422, 401)
    assert (response.status_code == 401) == (b"%ED" in form)  # decoded to replacement characters
    assert b"horse" not in response.content


async def test_a_file_is_refused_as_the_password(client: httpx.AsyncClient) -> None:
    response = await client.post(
        LOGIN, data={"username": ADA["email"]}, files={"password": b"correct horse battery"}
    )
    assert response.status_code == 422
    assert "horse" not in response.text


async def test_a_hash_of_other_costs_is_renewed_by_signing_in(
    settings: Settings, client: httpx.AsyncClient, execute: Execute, join: Join
) -> None:
    ada = await join("Ada")
    (before,) = await execute("select password_hash from people")
    costlier = Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    form = {"username": ada["email"], "password": ada["password"]}
    async with running(create_app(settings, passwords=costlier)) as renewed:
        responses = await asyncio.gather(*(renewed.post(LOGIN, data=form) for _ in range(5)))
        again = await renewed.post(LOGIN, data=form)
    (after,) = await execute("select password_hash from people")
    assert [response.status_code for response in (*responses, again)] == [200] * 6
    assert "t=1," in before["password_hash"]
    assert "t=2," in after["password_hash"]


async def test_no_connection_is_held_while_passwords_are_compared(
    settings: Settings, client: httpx.AsyncClient, join: Join
) -> None:
    ada = await join("Ada")
    hasher = HeldHasher()
    small = settings.model_copy(update={"database_pool_size": 1})
    app = create_app(small, passwords=Passwords(hasher))
    form = {"username": ada["email"], "password": ada["password"]}
    async with running(app) as held:
        sign_ins = [asyncio.create_task(held.post(LOGIN, data=form)) for _ in range(10)]
        try:
            await asyncio.to_thread(hasher.comparing.wait, 30)
            me = await held.get("/api/v1/auth/me", headers=bearer(ada["access_token"]))
        finally:
            hasher.let_go.set()
        responses = await asyncio.gather(*sign_ins)
    assert me.status_code == 200
    assert [response.status_code for response in responses] == [200] * 10


async def test_a_password_that_is_changed_while_it_is_compared_no_longer_signs_in(
    settings: Settings, app: FastAPI, client: httpx.AsyncClient, execute: Execute, join: Join
) -> None:
    ada, eve = await join("Ada"), await join("Eve")
    hasher = HeldHasher()
    form = {"username": ada["email"], "password": ada["password"]}
    async with running(create_app(settings, passwords=Passwords(hasher))) as held:
        sign_in = asyncio.create_task(held.post(LOGIN, data=form))
        await asyncio.to_thread(hasher.comparing.wait, 30)
        await execute(
            "update people set password_hash = (select password_hash from people where id = :eve) "
            "where id = :ada",
            eve=eve["id"],
            ada=ada["id"],
        )
        hasher.let_go.set()
        assert (await sign_in).status_code == 401


async def test_a_person_who_is_disabled_during_the_comparison_is_refused(
    settings: Settings, client: httpx.AsyncClient, execute: Execute, join: Join
) -> None:
    ada = await join("Ada")
    hasher = HeldHasher()
    form = {"username": ada["email"], "password": ada["password"]}
    async with running(create_app(settings, passwords=Passwords(hasher))) as held:
        sign_in = asyncio.create_task(held.post(LOGIN, data=form))
        await asyncio.to_thread(hasher.comparing.wait, 30)
        await execute("update people set is_active = false")
        hasher.let_go.set()
        assert (await sign_in).status_code == 403


async def test_signing_in_waits_for_a_transaction_that_disables_the_person(
    app: FastAPI, join: Join, sign_in: SignIn, execute: Execute
) -> None:
    ada = await join("Ada")
    async with app.state.context.database.engine.connect() as admin:
        await admin.execute(text("update people set is_active = false"))
        signing_in = asyncio.ensure_future(sign_in(ada))
        async with asyncio.timeout(10):
            waiting = "select pid from pg_locks where not granted"
            while not signing_in.done() and not await execute(waiting):  # noqa: ASYNC110 - the database has no event
                await asyncio.sleep(0.01)
        await admin.commit()
    assert (await signing_in).status_code == 403
