"""The rate limit of each installation. Responses state the remaining calls."""

from fastapi import FastAPI
from httpx import AsyncClient
from limits import RateLimitItemPerHour

from .support import FakePlatform, Remake, Rows, ScriptedCat


async def test_calls_beyond_the_limit_are_refused_and_do_not_reach_the_cat(
    app: FastAPI,
    remake: Remake,
    client: AsyncClient,
    platform: FakePlatform,
    cat: ScriptedCat,
    rows: Rows,
) -> None:
    remake({"rate_limit_per_installation": RateLimitItemPerHour(3)})
    async with app.state.resources.cats:
        answers = [await client.get(platform.path()) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["ratelimit-limit"] for answer in answers] == ["3"] * 5
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == [
        "2",
        "1",
        "0",
        "0",
        "0",
    ]
    assert all(0 < int(answer.headers["ratelimit-reset"]) <= 3600 for answer in answers)
    assert answers[3].headers["retry-after"] == answers[3].headers["ratelimit-reset"]
    assert answers[3].json()["type"] == "urn:cathouse:problem:too_many_requests"
    assert len(cat.requests) == 3
    assert [row["status"] for row in await rows()] == [200, 200, 200, 429, 429]


async def test_installations_have_separate_limits(
    app: FastAPI, remake: Remake, client: AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    remake({"rate_limit_per_installation": RateLimitItemPerHour(1)})
    async with app.state.resources.cats:
        assert (await client.get(platform.path())).status_code == 200
        assert (await client.get(platform.path())).status_code == 429
        other = FakePlatform(platform.fake_services, cat.url)
        answer = await client.get(other.path(), headers=other.headers)
        assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (200, "0")


async def test_refused_calls_do_not_count(
    app: FastAPI, remake: Remake, client: AsyncClient, platform: FakePlatform
) -> None:
    remake({"rate_limit_per_installation": RateLimitItemPerHour(1)})
    async with app.state.resources.cats:
        for _ in range(3):
            answer = await client.get(platform.path("admin"))
            assert answer.status_code == 403
            assert "ratelimit-limit" not in answer.headers
        assert (await client.get(platform.path())).status_code == 200


async def test_failures_of_the_cat_state_the_remaining_calls(
    client: AsyncClient, platform: FakePlatform
) -> None:
    platform.endpoint_url = "http://127.0.0.1:1"
    answer = await client.get(platform.path())
    assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (502, "9999")


async def test_a_cat_cannot_set_rate_limit_headers(
    client: AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    cat.answer = b"HTTP/1.1 200 OK\r\nRateLimit-Remaining: 5\r\nContent-Length: 0\r\n\r\n"
    answer = await client.get(platform.path())
    assert answer.headers.get_list("ratelimit-remaining") == ["9999"]
