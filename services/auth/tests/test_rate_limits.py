import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from cathouse_auth.main import create_app
from cathouse_auth.services.attempts import Attempts
from cathouse_auth.services.errors import PasswordQueueFull
from cathouse_auth.services.passwords import Passwords
from cathouse_auth.settings import Settings
from cathouse_kit.rate_limits import RateLimiter, Window
from cathouse_kit.testing import bearer
from fastapi import FastAPI
from limits import RateLimitItem, parse
from pydantic import SecretStr

from .conftest import Join

Limited = Callable[..., Awaitable[FastAPI]]

HOME = "203.0.113.7"
ELSEWHERE = "198.51.100.9"


class RecordingLimiter(RateLimiter):
    """Records the keys that it counts."""

    def __init__(self, storage: SecretStr) -> None:
        super().__init__(storage)
        self.keys: list[tuple[str, ...]] = []

    async def hit(self, limit: RateLimitItem, *key: str) -> Window:
        self.keys.append(key)
        return await super().hit(limit, *key)


@pytest.fixture
async def limited(
    settings: Settings, passwords: Passwords, emptied: None
) -> AsyncIterator[Limited]:
    """An app with low limits."""
    async with AsyncExitStack() as stack:

        async def limited(**limits: str) -> FastAPI:
            parsed = {name: parse(limit) for name, limit in limits.items()}
            app = create_app(settings.model_copy(update=parsed), passwords=passwords)
            await stack.enter_async_context(app.router.lifespan_context(app))
            return app

        yield limited


@asynccontextmanager
async def calling(app: FastAPI, address: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=(address, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://cathouse.test") as client:
        yield client


async def sign_in(
    app: FastAPI, email: str, *, password: str = "not the password", address: str = HOME
) -> httpx.Response:
    async with calling(app, address) as client:
        return await client.post(
            "/api/v1/auth/login", data={"username": email, "password": password}
        )


async def register(app: FastAPI, email: str, *, address: str = HOME) -> httpx.Response:
    body = {"email": email, "password": "correct horse battery", "display_name": "Someone"}
    async with calling(app, address) as client:
        return await client.post("/api/v1/auth/register", json=body)


def assert_too_many(response: httpx.Response) -> None:
    assert response.status_code == 429
    assert response.json()["type"] == "urn:cathouse:problem:too_many_requests"
    assert 1 <= int(response.headers["retry-after"]) <= 3600


async def test_sign_ins_from_one_address_are_limited_across_accounts(limited: Limited) -> None:
    app = await limited(login_limit_by_address="3/hour")
    for n in range(3):
        assert (await sign_in(app, f"p{n}@example.com")).status_code == 401
    assert_too_many(await sign_in(app, "p3@example.com"))
    assert (await sign_in(app, "p3@example.com", address=ELSEWHERE)).status_code == 401


async def test_sign_ins_to_one_account_are_limited_across_addresses(
    limited: Limited, join: Join
) -> None:
    ada = await join("Ada")
    app = await limited(login_limit_by_account="3/hour")
    for n, email in enumerate(("ada@example.com", "ADA@example.com", " Ada@Example.com ")):
        response = await sign_in(app, email, address=f"192.0.2.{n}")
        assert response.status_code == 401
    assert_too_many(await sign_in(app, ada["email"], password=ada["password"]))
    assert (await sign_in(app, "eve@example.com")).status_code == 401


async def test_the_password_change_gives_no_further_guesses(limited: Limited, join: Join) -> None:
    ada = await join("Ada")
    app = await limited(login_limit_by_account="2/hour")
    body = {"current_password": "not the password", "new_password": "a much better secret"}
    async with calling(app, HOME) as client:
        responses = [
            await client.post(
                "/api/v1/auth/me/password", headers=bearer(ada["access_token"]), json=body
            )
            for _ in range(3)
        ]
    assert [response.status_code for response in responses] == [403, 403, 429]
    assert_too_many(responses[-1])
    assert_too_many(await sign_in(app, ada["email"], password=ada["password"]))


async def test_right_passwords_do_not_count(limited: Limited, join: Join) -> None:
    ada = await join("Ada")
    app = await limited(login_limit_by_account="2/hour", login_daily_limit_by_account="3/day")
    for n in range(6):
        response = await sign_in(
            app, ada["email"], password=ada["password"], address=f"192.0.2.{n}"
        )
        assert response.status_code == 200


async def test_guesses_from_elsewhere_do_not_lock_out_a_known_address(
    limited: Limited, join: Join
) -> None:
    ada = await join("Ada")
    app = await limited(login_limit_by_account="3/hour")
    assert (await sign_in(app, ada["email"], password=ada["password"])).status_code == 200
    statuses = [
        (await sign_in(app, ada["email"], address=f"192.0.2.{n}")).status_code for n in range(5)
    ]
    assert statuses == [401, 401, 401, 429, 429]
    for spelling in (ada["email"], "ADA@example.com"):
        response = await sign_in(app, spelling, password=ada["password"])
        assert response.status_code == 200
    assert_too_many(await sign_in(app, ada["email"], password=ada["password"], address=ELSEWHERE))


async def test_an_address_that_signed_in_has_no_more_guesses_than_others(
    limited: Limited, join: Join
) -> None:
    ada = await join("Ada")
    app = await limited(login_limit_by_account="2/hour")
    assert (await sign_in(app, ada["email"], password=ada["password"])).status_code == 200
    assert [(await sign_in(app, ada["email"])).status_code for _ in range(3)] == [401, 401, 429]
    # These wrong passwords do not lock out other addresses either.
    response = await sign_in(app, ada["email"], password=ada["password"], address=ELSEWHERE)
    assert response.status_code == 200


async def test_an_address_is_known_only_to_the_account_that_it_signed_in_to(
    limited: Limited, join: Join
) -> None:
    ada, eve = await join("Ada"), await join("Eve")
    app = await limited(login_limit_by_account="1/hour")
    assert (await sign_in(app, eve["email"], password=eve["password"])).status_code == 200
    assert (await sign_in(app, ada["email"], address=ELSEWHERE)).status_code == 401
    assert_too_many(await sign_in(app, ada["email"], password=ada["password"]))


async def test_guesses_are_bounded_for_a_day_too(limited: Limited, join: Join) -> None:
    ada = await join("Ada")
    app = await limited(login_limit_by_account="100/second", login_daily_limit_by_account="3/day")
    statuses = [
        (await sign_in(app, ada["email"], address=f"192.0.2.{n}")).status_code for n in range(4)
    ]
    assert statuses == [401, 401, 401, 429]


async def test_simultaneous_guesses_do_not_exceed_the_limit(limited: Limited, join: Join) -> None:
    ada = await join("Ada")
    app = await limited(login_limit_by_account="3/hour")
    responses = await asyncio.gather(
        *(sign_in(app, ada["email"], address=f"192.0.2.{n}") for n in range(30))
    )
    assert Counter(response.status_code for response in responses) == {401: 3, 429: 27}


async def test_a_sign_in_without_a_comparison_does_not_count(
    limited: Limited, join: Join, passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await join("Ada")
    app = await limited(login_limit_by_account="1/hour")

    async def full(password: str, password_hash: str | None) -> str | None:
        raise PasswordQueueFull

    with monkeypatch.context() as patched:
        patched.setattr(passwords, "verify", full)
        for _ in range(3):
            response = await sign_in(app, ada["email"])
            assert response.status_code == 503
            assert response.json()["type"] == "urn:cathouse:problem:password_queue_full"
            assert int(response.headers["retry-after"]) >= 1
    assert (await sign_in(app, ada["email"], password=ada["password"])).status_code == 200


@pytest.mark.parametrize(
    ("path", "setting"),
    [("login", "login_limit_by_address"), ("register", "register_limit_by_address")],
)
@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a":1}', b"[" * 10_000, b"a=1&" * 3000, b""])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
async def test_addresses_are_counted_before_the_body_is_read(
    limited: Limited, path: str, setting: str, body: bytes, kind: str
) -> None:
    app = await limited(**{setting: "1/hour"})

    async def never_read() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    async with calling(app, HOME) as client:
        url, headers = f"/api/v1/auth/{path}", {"Content-Type": kind}
        first = await client.post(url, content=body, headers=headers)
        assert first.status_code in (400, 422)
        assert_too_many(await client.post(url, content=never_read(), headers=headers))


async def test_registrations_from_one_address_are_limited(limited: Limited) -> None:
    app = await limited(register_limit_by_address="2/hour")
    for n in range(2):
        assert (await register(app, f"p{n}@example.com")).status_code == 201
    assert_too_many(await register(app, "p2@example.com"))
    assert (await register(app, "p2@example.com", address=ELSEWHERE)).status_code == 201


async def test_registrations_of_one_email_are_limited(limited: Limited) -> None:
    app = await limited(register_limit_by_account="2/hour")
    statuses = [
        (await register(app, email, address=f"192.0.2.{n}")).status_code
        for n, email in enumerate(("ada@example.com", "Ada@example.com", "ADA@example.com"))
    ]
    assert statuses == [201, 409, 429]


async def test_registrations_and_sign_ins_are_counted_separately(limited: Limited) -> None:
    app = await limited(register_limit_by_address="1/hour", login_limit_by_address="1/hour")
    assert (await register(app, "ada@example.com")).status_code == 201
    assert (await sign_in(app, "ada@example.com")).status_code == 401


async def test_an_ipv6_network_counts_as_one_address(limited: Limited) -> None:
    app = await limited(login_limit_by_address="1/hour")
    assert (await sign_in(app, "a@example.com", address="2001:db8:0:1::1")).status_code == 401
    assert_too_many(await sign_in(app, "b@example.com", address="2001:db8:0:1:ffff::2"))
    assert (await sign_in(app, "c@example.com", address="2001:db8:0:2::1")).status_code == 401


async def test_an_ipv4_address_in_ipv6_is_that_ipv4_address(limited: Limited) -> None:
    app = await limited(login_limit_by_address="1/hour")
    assert (await sign_in(app, "a@example.com", address="::ffff:192.0.2.1")).status_code == 401
    assert (await sign_in(app, "b@example.com", address="::ffff:192.0.2.2")).status_code == 401
    assert_too_many(await sign_in(app, "c@example.com", address="192.0.2.1"))


async def test_keys_in_the_store_contain_no_email(limited: Limited) -> None:
    app = await limited()
    store = RecordingLimiter(SecretStr("memory://"))
    app.state.resources.attempts = Attempts(store, app.state.context.settings)
    await register(app, "ada@example.com")
    await sign_in(app, "ada@example.com")
    assert len(store.keys) == 5
    assert not any("ada" in part for key in store.keys for part in key)


async def test_a_store_that_does_not_respond_gives_a_503(settings: Settings) -> None:
    nothing_listens = settings.model_copy(
        update={"rate_limit_storage": SecretStr("redis://127.0.0.1:9/0")}
    )
    response = await sign_in(create_app(nothing_listens), "ada@example.com")
    assert response.status_code == 503
    assert response.json()["type"] == "urn:cathouse:problem:rate_limits_unavailable"
