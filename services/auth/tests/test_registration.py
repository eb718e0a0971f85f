import asyncio
import json
import unicodedata
from collections import Counter
from typing import Any
from uuid import UUID

import httpx
import pytest
from cathouse_kit.testing import Execute

PATH = "/api/v1/auth/register"
ADA = {"email": "ada@example.com", "password": "correct horse battery", "display_name": "Ada"}


async def test_registering_creates_a_player_and_returns_no_password(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post(PATH, json=ADA)
    person = response.json()
    assert response.status_code == 201
    assert set(person) == {
        "id",
        "email",
        "display_name",
        "role",
        "is_active",
        "created_at",
        "updated_at",
    }
    assert UUID(person["id"]).version == 7
    assert (person["email"], person["display_name"]) == ("ada@example.com", "Ada")
    assert (person["role"], person["is_active"]) == ("player", True)
    assert person["created_at"].endswith("Z")


async def test_a_person_can_register_as_a_developer(client: httpx.AsyncClient) -> None:
    response = await client.post(PATH, json=ADA | {"role": "developer"})
    assert (response.status_code, response.json()["role"]) == (201, "developer")


@pytest.mark.parametrize("role", ["admin", "owner", "", None])
async def test_registering_as_an_admin_or_with_an_unknown_role_is_refused(
    client: httpx.AsyncClient, execute: Execute, role: str | None
) -> None:
    response = await client.post(PATH, json=ADA | {"role": role})
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"] == ["body", "role"]
    assert await execute("select id from people") == []


async def test_the_email_is_stored_in_lower_case(client: httpx.AsyncClient) -> None:
    response = await client.post(PATH, json=ADA | {"email": "Ada@EXAMPLE.com"})
    assert response.json()["email"] == "ada@example.com"


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@example.COM", " ada@Example.com "])
async def test_a_taken_email_is_refused_in_every_case(
    client: httpx.AsyncClient, email: str
) -> None:
    await client.post(PATH, json=ADA)
    response = await client.post(PATH, json=ADA | {"email": email})
    assert response.status_code == 409
    assert response.json()["type"] == "urn:cathouse:problem:email_taken"


@pytest.mark.parametrize("email", ["İda@example.com", "ΑΣ@example.com", "Straẞe@exämple.de"])
async def test_letters_with_an_unusual_lower_case_cause_no_failure(
    client: httpx.AsyncClient, email: str
) -> None:
    first = await client.post(PATH, json=ADA | {"email": email})
    second = await client.post(PATH, json=ADA | {"email": first.json()["email"]})
    assert (first.status_code, second.status_code) == (201, 409)


async def test_one_of_a_hundred_simultaneous_registrations_succeeds(
    client: httpx.AsyncClient, execute: Execute
) -> None:
    emails = ["ada@example.com", "Ada@example.com", "ADA@EXAMPLE.COM", "aDa@eXample.com"] * 25
    responses = await asyncio.gather(
        *(client.post(PATH, json=ADA | {"email": email}) for email in emails)
    )
    assert Counter(response.status_code for response in responses) == {201: 1, 409: 99}
    (row,) = await execute("select email from people")
    assert row["email"] == "ada@example.com"


@pytest.mark.parametrize(("length", "status"), [(11, 422), (12, 201), (128, 201), (129, 422)])
async def test_a_password_has_12_to_128_characters(
    client: httpx.AsyncClient, length: int, status: int
) -> None:
    response = await client.post(
        PATH, json=ADA | {"password": "".join(chr(0x3041 + n * 7 % 80) for n in range(length))}
    )
    assert response.status_code == status


async def test_the_length_of_a_password_is_counted_after_normalization(
    client: httpx.AsyncClient,
) -> None:
    letters = "".join(chr(0xE0 + n % 6) + chr(0x3041 + n * 7 % 80) for n in range(64))
    typed = unicodedata.normalize("NFD", letters)
    assert (len(letters), len(typed) > 128) == (128, True)
    response = await client.post(PATH, json=ADA | {"password": typed})
    assert response.status_code == 201, response.text
    brief = unicodedata.normalize("NFD", "àâãäåéèêëñò")
    response = await client.post(PATH, json=ADA | {"password": brief})
    assert response.json()["errors"][0]["msg"] == "must have at least 12 characters"


@pytest.mark.parametrize(
    "password", ["passwordpassword", "123456789012", "the cat house on 1", "Ada Lovelace 1815"]
)
async def test_a_weak_password_is_refused_with_a_reason_and_not_sent_back(
    client: httpx.AsyncClient, execute: Execute, password: str
) -> None:
    body = ADA | {"password": password, "display_name": "Ada Lovelace"}
    response = await client.post(PATH, json=body)
    assert response.status_code == 422
    assert response.json()["type"] == "urn:cathouse:problem:password_too_weak"
    (error,) = response.json()["errors"]
    assert error["loc"] == ["body", "password"]
    assert error["msg"].startswith(("must not contain", "is too easy to guess"))
    assert password not in response.text
    assert await execute("select id from people") == []


@pytest.mark.parametrize("size", [16 * 1024 + 1, 100_000])
async def test_a_body_has_16_kib_at_most(client: httpx.AsyncClient, size: int) -> None:
    response = await client.post(
        PATH, content=b" " * size, headers={"Content-Type": "application/json"}
    )
    assert (response.status_code, response.json()["limit"]) == (413, 16 * 1024)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"role": "admin"}, "Input should be 'player' or 'developer'"),
        ({"password": "brief"}, "must have at least 12 characters"),
        ({"password": "x" * 129}, "must have at most 128 characters"),
        ({"password": "x\u0301" * 5000}, "must have at most 128 characters"),
        ({"email": "a\u0323\u0301" * 3000 + "@example.com"}, "must have at most 254 characters"),
        ({"display_name": "x" * 81}, "at most 80 characters"),
    ],
)
async def test_an_error_says_in_english_what_may_be_sent(
    client: httpx.AsyncClient, change: dict[str, Any], message: str
) -> None:
    content = json.dumps(ADA | change, ensure_ascii=False)
    response = await client.post(
        PATH, content=content, headers={"Content-Type": "application/json"}
    )
    (error,) = response.json()["errors"]
    assert error["msg"].endswith(message)


@pytest.mark.parametrize("password", ["ada@example.com", "ADA@Example.com "])
async def test_a_password_that_is_the_email_is_refused(
    client: httpx.AsyncClient, password: str
) -> None:
    response = await client.post(PATH, json=ADA | {"password": password})
    assert response.status_code == 422
    assert response.json()["type"] == "urn:cathouse:problem:password_is_email"
    assert response.json()["errors"][0]["loc"] == ["body", "password"]


@pytest.mark.parametrize("field", ["email", "password", "display_name"])
@pytest.mark.parametrize("character", ["\\u0000", "\\ud800", "\\u001b"])
async def test_input_that_cannot_be_stored_is_refused_and_not_sent_back(
    client: httpx.AsyncClient, field: str, character: str
) -> None:
    values = ADA | {field: f"{ADA[field]}SPLIT{ADA[field]}"}
    body = str(values).replace("'", '"').replace("SPLIT", character)
    response = await client.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["loc"] == ["body", field]
    assert ADA["password"] not in response.text


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"email": "ada"}, "email"),
        ({"email": f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.com"}, "email"),
        ({"display_name": "   "}, "display_name"),
        ({"display_name": "a" * 81}, "display_name"),
        ({"display_name": "two\nlines"}, "display_name"),
        ({"password": None}, "password"),
        ({"password": 123456789012}, "password"),
        ({"is_active": False}, "is_active"),
    ],
)
async def test_an_error_names_the_wrong_field(
    client: httpx.AsyncClient, execute: Execute, change: dict[str, Any], loc: str
) -> None:
    response = await client.post(PATH, json=ADA | change)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["errors"][0]["loc"] == ["body", loc]
    assert await execute("select id from people") == []


async def test_a_field_name_that_is_not_unicode_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(
        PATH, content=b'{"\\ud800": 1}', headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422


async def test_passwords_are_stored_as_argon2id(
    client: httpx.AsyncClient, execute: Execute
) -> None:
    await client.post(PATH, json=ADA)
    (row,) = await execute("select password_hash from people")
    assert row["password_hash"].startswith("$argon2id$")
