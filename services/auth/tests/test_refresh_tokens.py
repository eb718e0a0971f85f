import asyncio

import httpx
import pytest
from cathouse_auth.services.accounts import MOST_USED_TOKENS
from cathouse_kit.testing import Execute, bearer

from .conftest import Join, SignIn


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/api/v1/auth/refresh", json={"refresh_token": token})


async def sign_out(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/api/v1/auth/logout", json={"refresh_token": token})


def assert_refused(response: httpx.Response) -> None:
    assert response.status_code == 401
    assert response.json()["type"] == "urn:cathouse:problem:invalid_refresh_token"


async def test_a_refresh_token_is_exchanged_for_a_new_pair(
    client: httpx.AsyncClient, join: Join
) -> None:
    ada = await join("Ada")
    response = await refresh(client, ada["refresh_token"])
    pair = response.json()
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert pair["refresh_token"] != ada["refresh_token"]
    me = await client.get("/api/v1/auth/me", headers=bearer(pair["access_token"]))
    assert me.json()["id"] == ada["id"]


async def test_a_session_goes_on_for_as_long_as_it_is_refreshed(
    client: httpx.AsyncClient, join: Join, execute: Execute
) -> None:
    token = (await join("Ada"))["refresh_token"]
    for _ in range(3):
        await execute("update sessions set expires_at = now() + interval '1 second'")
        token = (await refresh(client, token)).json()["refresh_token"]
    (row,) = await execute("select expires_at > now() + interval '29 days' as long from sessions")
    assert row["long"]


async def test_using_a_dead_refresh_token_ends_the_whole_family(
    client: httpx.AsyncClient, join: Join
) -> None:
    first = (await join("Ada"))["refresh_token"]
    second = (await refresh(client, first)).json()["refresh_token"]
    third = (await refresh(client, second)).json()["refresh_token"]
    assert_refused(await refresh(client, first))
    assert_refused(await refresh(client, third))


async def test_other_sessions_outlive_a_family_that_ended(
    client: httpx.AsyncClient, join: Join, sign_in: SignIn
) -> None:
    ada = await join("Ada")
    other = (await sign_in(ada)).json()["refresh_token"]
    await refresh(client, ada["refresh_token"])
    assert_refused(await refresh(client, ada["refresh_token"]))
    assert (await refresh(client, other)).status_code == 200


async def test_a_refresh_token_used_twice_at_once_gives_one_pair_and_one_ended_family(
    client: httpx.AsyncClient, join: Join, sign_in: SignIn, execute: Execute
) -> None:
    ada = await join("Ada")
    for _ in range(10):
        token = (await sign_in(ada)).json()["refresh_token"]
        responses = await asyncio.gather(refresh(client, token), refresh(client, token))
        won, lost = sorted(responses, key=lambda response: response.status_code)
        assert won.status_code == 200
        assert_refused(lost)
        assert_refused(await refresh(client, won.json()["refresh_token"]))
    (row,) = await execute("select count(*) as sessions from sessions")
    assert row["sessions"] == 1  # the one that `join` began


async def test_an_expired_session_cannot_be_refreshed(
    client: httpx.AsyncClient, join: Join, execute: Execute
) -> None:
    ada = await join("Ada")
    await execute("update sessions set expires_at = now() - interval '1 second'")
    assert_refused(await refresh(client, ada["refresh_token"]))


async def test_a_disabled_person_cannot_refresh(
    client: httpx.AsyncClient, join: Join, execute: Execute
) -> None:
    ada = await join("Ada")
    await execute("update people set is_active = false")
    response = await refresh(client, ada["refresh_token"])
    assert response.status_code == 403
    assert response.json()["type"] == "urn:cathouse:problem:account_disabled"


async def test_a_refreshed_access_token_has_the_role_of_now(
    client: httpx.AsyncClient, join: Join, execute: Execute
) -> None:
    ada = await join("Ada")
    await execute("update people set role = 'admin'")
    pair = (await refresh(client, ada["refresh_token"])).json()
    users = await client.get("/api/v1/auth/users", headers=bearer(pair["access_token"]))
    assert users.status_code == 200


async def test_signing_out_ends_the_session(client: httpx.AsyncClient, join: Join) -> None:
    ada = await join("Ada")
    response = await sign_out(client, ada["refresh_token"])
    assert (response.status_code, response.content) == (204, b"")
    assert_refused(await refresh(client, ada["refresh_token"]))


async def test_signing_out_with_a_dead_token_ends_its_session_too(
    client: httpx.AsyncClient, join: Join
) -> None:
    first = (await join("Ada"))["refresh_token"]
    second = (await refresh(client, first)).json()["refresh_token"]
    await sign_out(client, first)
    assert_refused(await refresh(client, second))


async def test_signing_out_twice_or_with_an_unknown_token_is_no_error(
    client: httpx.AsyncClient, join: Join
) -> None:
    ada = await join("Ada")
    for token in (ada["refresh_token"], ada["refresh_token"], "never was one"):
        assert (await sign_out(client, token)).status_code == 204


async def test_signing_out_during_a_refresh_leaves_no_session(
    client: httpx.AsyncClient, join: Join, sign_in: SignIn
) -> None:
    ada = await join("Ada")
    for _ in range(10):
        token = (await sign_in(ada)).json()["refresh_token"]
        refreshed, _ = await asyncio.gather(refresh(client, token), sign_out(client, token))
        if refreshed.status_code == 200:
            assert_refused(await refresh(client, refreshed.json()["refresh_token"]))
        else:
            assert_refused(refreshed)


@pytest.mark.parametrize("path", ["refresh", "logout"])
@pytest.mark.parametrize(
    "body", [b'{"refresh_token": "\\u0000"}', b'{"refresh_token": "\\ud800"}', b"{}", b"[]", b"{"]
)
async def test_malformed_refresh_tokens_are_refused(
    client: httpx.AsyncClient, path: str, body: bytes
) -> None:
    response = await client.post(
        f"/api/v1/auth/{path}", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422


async def test_refresh_tokens_are_stored_as_hashes(join: Join, execute: Execute) -> None:
    ada = await join("Ada")
    (row,) = await execute("select refresh_tokens::text as all_of_it from refresh_tokens")
    assert ada["refresh_token"] not in row["all_of_it"]
    assert ada["refresh_token"].encode().hex() not in row["all_of_it"]


async def test_signing_in_deletes_expired_sessions_of_any_person(
    join: Join, sign_in: SignIn, execute: Execute
) -> None:
    ada, eve = await join("Ada"), await join("Eve")
    for _ in range(3):
        await sign_in(eve)
    await execute(
        "update sessions set expires_at = now() - interval '1 second' where person_id = :id",
        id=eve["id"],
    )
    await sign_in(ada)
    rows = await execute("select person_id from sessions")
    assert [str(row["person_id"]) for row in rows] == [ada["id"]] * 2
    (tokens,) = await execute("select count(*) as left from refresh_tokens")
    assert tokens["left"] == 2


async def test_refreshing_deletes_dead_tokens_that_are_older_than_a_session_lasts(
    client: httpx.AsyncClient, join: Join, execute: Execute
) -> None:
    token = (await join("Ada"))["refresh_token"]
    for _ in range(2):
        token = (await refresh(client, token)).json()["refresh_token"]
    await execute(
        "update refresh_tokens set created_at = now() - interval '31 days' where used_at is not null"
    )
    assert (await refresh(client, token)).status_code == 200
    rows = await execute("select used_at from refresh_tokens")
    assert sorted(row["used_at"] is None for row in rows) == [False, True]


async def test_the_number_of_used_tokens_of_a_session_is_limited(
    client: httpx.AsyncClient, join: Join, execute: Execute
) -> None:
    first = token = (await join("Ada"))["refresh_token"]
    other = (await join("Bob"))["refresh_token"]
    await execute(
        "insert into refresh_tokens (token_hash, session_id, access_token_id, created_at, used_at) "
        "select sha256((session_id::text || n)::bytea), session_id, uuidv7(), created_at + n * interval '1 us', now() "
        f"from refresh_tokens, generate_series(1, {MOST_USED_TOKENS + 10}) as n"
    )
    for _ in range(3):
        token = (await refresh(client, token)).json()["refresh_token"]
    rows = await execute("select count(*) as kept from refresh_tokens group by session_id")
    assert sorted(row["kept"] for row in rows) == [MOST_USED_TOKENS + 1, MOST_USED_TOKENS + 11]
    # A deleted token is refused like an unknown one. The newest token and other sessions remain valid.
    assert_refused(await refresh(client, first))
    assert (await refresh(client, token)).status_code == 200
    assert (await refresh(client, other)).status_code == 200
