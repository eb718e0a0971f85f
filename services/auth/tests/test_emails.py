"""All spellings of an email are one account."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
from cathouse_auth.main import create_app
from cathouse_auth.services.emails import email_key
from cathouse_auth.services.passwords import Passwords
from cathouse_auth.settings import Settings
from cathouse_kit.database import Database
from cathouse_kit.migrations import Migrations
from cathouse_kit.registry import Service
from cathouse_kit.testing import Execute, running
from cathouse_postgres.testing import TemporaryServer
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger
from pydantic import SecretStr

PASSWORD = "correct horse battery"
ONE_ACCOUNT = [
    ["ada@example.com", "ADA@EXAMPLE.COM", "Ada@Example.Com"],
    ["οδος@example.com", "οδοσ@example.com", "ΟΔΟΣ@example.com"],
    ["straße@example.com", "STRASSE@example.com", "STRAẞE@example.com", "strasse@example.com"],
    ["ilsı@example.com", "ILSI@example.com", "İlsi@example.com", "ilsi@example.com"],
    ["caf\u00e9@example.com", "cafe\u0301@example.com", "CAF\u00c9@example.com", "CAFE\u0301@example.com"],
    ["ada@bücher.example.com", "ada@BÜCHER.example.com", "ada@xn--bcher-kva.example.com",
     "Ada@bu\u0308cher.example.com"],
    ["ﬃ@example.com", "ffi@example.com", "FFI@example.com"],
]  # fmt: skip
TWO_ACCOUNTS = [
    ("ada@example.com", "ada@example.org"),
    ("ada@example.com", "ada+cats@example.com"),
    ("ada@straße.de", "ada@strasse.de"),
    ("cafe@example.com", "café@example.com"),
]


async def register(client: httpx.AsyncClient, email: str) -> httpx.Response:
    body = {"email": email, "password": PASSWORD, "display_name": "Someone"}
    return await client.post("/api/v1/auth/register", json=body)


async def sign_in(client: httpx.AsyncClient, email: str) -> int:
    form = {"username": email, "password": PASSWORD}
    return (await client.post("/api/v1/auth/login", data=form)).status_code


@pytest.mark.parametrize("spellings", ONE_ACCOUNT, ids=[s[0] for s in ONE_ACCOUNT])
async def test_spellings_of_one_email_are_one_account(
    client: httpx.AsyncClient, execute: Execute, spellings: list[str]
) -> None:
    for first in spellings:
        assert (await register(client, first)).status_code == 201
        for other in spellings:
            assert (await register(client, other)).status_code == 409, (first, other)
            assert await sign_in(client, other) == 200, (first, other)
        await execute("delete from people")


@pytest.mark.parametrize(("one", "other"), TWO_ACCOUNTS)
async def test_other_emails_are_other_accounts(
    client: httpx.AsyncClient, one: str, other: str
) -> None:
    assert (await register(client, one)).status_code == 201
    assert await sign_in(client, other) == 401
    assert (await register(client, other)).status_code == 201


@pytest.mark.parametrize(
    "email",
    [
        *(
            f"ada{blank}@example.com"
            for blank in "\u034f\u115f\u17b4\u200b\u2800\u3164\ufe0f\uffa0\U000e0100"
        ),
        "\u3164@example.com",
        "ada\u202e@example.com",
        "ada" + "\u0301" * 9 + "@example.com",
    ],
    ids=ascii,
)
async def test_an_email_shows_each_of_its_characters(
    client: httpx.AsyncClient, execute: Execute, email: str
) -> None:
    response = await register(client, email)
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"] == ["body", "email"]
    assert await execute("select id from people") == []


@given(st.text(max_size=40))
def test_every_text_has_a_key_that_case_and_form_do_not_change(text: str) -> None:
    key = email_key(f"{text}@example.com")
    assert email_key(key) == key
    assert email_key(f"{text.casefold()}@EXAMPLE.com") == key
    email_key(text)


@pytest.fixture
async def earlier(
    postgres_server: TemporaryServer, database: str, services: tuple[Service, ...]
) -> AsyncIterator[SecretStr]:
    """A database at the revision before emails had keys."""
    name = f"{database}_emails"
    postgres_server.create_database(name)
    try:
        postgres_server.provision(services, name)
        url = SecretStr(postgres_server.url("auth_owner", name))
        own = Database(url, pool_size=1, application_name="test")
        try:
            await MIGRATIONS.run(own, BEFORE)
        finally:
            await own.close()
        yield url
    finally:
        postgres_server.drop_database(name)


MIGRATIONS = Migrations("cathouse_auth")
BEFORE, AFTER = "0001", "0002"


async def test_older_accounts_get_keys_and_collisions_are_logged(
    earlier: SecretStr, settings: Settings, passwords: Passwords
) -> None:
    emails = ["ada@example.com", "οδος@example.com", "οδοσ@example.com", "straße@example.com",
              "strasse@example.com", "ıda@example.com", "i̇da@example.com", "eve@bücher.example.com"]  # fmt: skip
    hashed = await passwords.hash(PASSWORD)
    connection = await asyncpg.connect(earlier.get_secret_value())
    for email in emails:
        await connection.execute(
            "insert into people (email, display_name, role, password_hash) values ($1, $1, 'player', $2)",
            email,
            hashed,
        )
    ids = {row["email"]: str(row["id"]) for row in await connection.fetch("select * from people")}

    warnings: list[str] = []
    sink = logger.add(lambda line: warnings.append(line.record["message"]), level="WARNING")
    own = Database(earlier, pool_size=1, application_name="test")
    try:
        assert await MIGRATIONS.run(own, AFTER) == (BEFORE, AFTER)
        await MIGRATIONS.upgrade(own)
    finally:
        logger.remove(sink)
        await own.close()
    keys = {
        row["email"]: row["email_key"] for row in await connection.fetch("select * from people")
    }
    await connection.close()

    assert keys == {
        "ada@example.com": "ada@example.com",
        "οδος@example.com": "οδοσ@example.com",
        "οδοσ@example.com": None,
        "straße@example.com": None,
        "strasse@example.com": "strasse@example.com",
        "ıda@example.com": "ida@example.com",
        "i̇da@example.com": None,
        "eve@bücher.example.com": "eve@xn--bcher-kva.example.com",
    }
    assert len(warnings) == 3
    for holder, other in (emails[1:3], emails[4:2:-1], emails[5:7]):
        assert [w for w in warnings if ids[holder] in w and ids[other] in w]
    assert not any("@" in warning for warning in warnings)

    app = create_app(settings.model_copy(update={"database_url": earlier}), passwords=passwords)
    async with running(app) as client:
        for email in emails:
            response = await client.post(
                "/api/v1/auth/login", data={"username": email, "password": PASSWORD}
            )
            me = await client.get(
                "/api/v1/auth/me",
                headers={"Authorization": f"Bearer {response.json()['access_token']}"},
            )
            assert me.json()["email"] == email
            assert (await register(client, email.upper())).status_code == 409, email
