import asyncio
from typing import Any

import httpx
import pytest
from cathouse_kit.testing import bearer

from .conftest import Join, SignIn

NEW = "a much better secret"


async def change(
    client: httpx.AsyncClient,
    person: dict[str, Any],
    *,
    current: str | None = None,
    new: str = NEW,
) -> httpx.Response:
    return await client.post(
        "/api/v1/auth/me/password",
        headers=bearer(person["access_token"]),
        json={"current_password": current or person["password"], "new_password": new},
    )


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/api/v1/auth/refresh", json={"refresh_token": token})


async def test_the_new_password_signs_in_and_the_old_does_not(
    client: httpx.AsyncClient, join: Join, sign_in: SignIn
) -> None:
    ada = await join("Ada")
    response = await change(client, ada)
    assert (response.status_code, response.content) == (204, b"")
    assert (await sign_in(ada)).status_code == 401
    assert (await sign_in(ada, password=NEW)).status_code == 200


async def test_a_password_change_ends_only_the_other_sessions_of_the_person(
    client: httpx.AsyncClient, join: Join, sign_in: SignIn
) -> None:
    eve, ada = await join("Eve"), await join("Ada")
    others = [(await sign_in(ada)).json()["refresh_token"] for _ in range(2)]
    await change(client, ada)
    assert [(await refresh(client, other)).status_code for other in others] == [401, 401]
    assert (await refresh(client, ada["refresh_token"])).status_code == 200
    assert (await refresh(client, eve["refresh_token"])).status_code == 200


async def test_a_session_is_known_by_its_earlier_access_tokens_too(
    client: httpx.AsyncClient, join: Join
) -> None:
    ada = await join("Ada")
    newer = (await refresh(client, ada["refresh_token"])).json()["refresh_token"]
    assert (await change(client, ada)).status_code == 204
    assert (await refresh(client, newer)).status_code == 200


async def test_an_access_token_without_a_session_keeps_no_session(
    client: httpx.AsyncClient, join: Join, sign_in: SignIn
) -> None:
    ada = await join("Ada")
    other = (await sign_in(ada)).json()["refresh_token"]
    await client.post("/api/v1/auth/logout", json={"refresh_token": ada["refresh_token"]})
    assert (await change(client, ada)).status_code == 204
    assert (await refresh(client, other)).status_code == 401


async def test_a_wrong_current_password_changes_nothing(
    client: httpx.AsyncClient, join: Join, sign_in: SignIn
) -> None:
    ada = await join("Ada")
    other = (await sign_in(ada)).json()["refresh_token"]
    response = await change(client, ada, current="not the secret of Ada")
    assert response.status_code == 403
    assert response.json()["type"] == "urn:cathouse:problem:wrong_password"
    assert (await sign_in(ada)).status_code == 200
    assert (await refresh(client, other)).status_code == 200


@pytest.mark.parametrize(
    "new",
    [
        "too brief",
        "a" * 129,
        "NUL \0 in the middle",
        "ada@example.com",
        "ADA@example.com",
        "passwordpassword",
        "1qaz2wsx3edc",
        "I love my cat house",
    ],
)
async def test_a_new_password_follows_the_rules_of_registration(
    client: httpx.AsyncClient, join: Join, sign_in: SignIn, new: str
) -> None:
    ada = await join("Ada")
    response = await change(client, ada, new=new)
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"] == ["body", "new_password"]
    assert new not in response.text
    assert (await sign_in(ada)).status_code == 200


async def test_one_of_two_simultaneous_changes_succeeds(
    client: httpx.AsyncClient, join: Join, sign_in: SignIn
) -> None:
    ada = await join("Ada")
    news = ["the first new secret", "the second new secret"]
    responses = await asyncio.gather(*(change(client, ada, new=new) for new in news))
    assert sorted(response.status_code for response in responses) == [204, 403]
    for new, response in zip(news, responses, strict=True):
        assert (await sign_in(ada, password=new)).is_success == response.is_success


async def test_no_session_that_begins_with_the_old_password_outlives_the_change(
    client: httpx.AsyncClient, join: Join, sign_in: SignIn
) -> None:
    ada = await join("Ada")
    signed_in, changed = await asyncio.gather(
        asyncio.gather(*(sign_in(ada) for _ in range(8))), change(client, ada)
    )
    assert changed.status_code == 204
    assert {response.status_code for response in signed_in} <= {200, 401}
    for response in signed_in:
        if response.is_success:
            again = await refresh(client, response.json()["refresh_token"])
            assert again.status_code == 401
