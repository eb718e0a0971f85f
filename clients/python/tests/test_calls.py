"""Proxied calls, and lists."""

from uuid import UUID

import httpx
import pytest
from cathouse_client import AsyncCatHouse, CatHouse, Forbidden, aiterate, iterate

from .stand_in import StandIn, problem

CAT = UUID("0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4e")


def echo(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"path": request.url.raw_path.decode()})


def test_a_cat_is_called_by_the_credential() -> None:
    stand_in = StandIn(echo)
    house = CatHouse(transport=stand_in)
    house.sign_in("ada@example.com", "correct horse battery")
    response = house.call_cat(
        CAT, "POST", "/tasks/a b?q=a/../b", credential="secret", json={"title": "Feed"}
    )
    assert response.json() == {"path": f"/api/v1/proxy/{CAT}/tasks/a%20b?q=a/../b"}
    [request] = stand_in.requests
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.content == b'{"title":"Feed"}'


async def test_a_cat_is_called_as_the_signed_in_user() -> None:
    stand_in = StandIn(echo)
    async with AsyncCatHouse(transport=stand_in) as house:
        await house.sign_in("ada@example.com", "correct horse battery")
        await house.call_cat(CAT, "GET", "tasks", headers={"X-Cat-Colour": "black"})
    assert stand_in.bearers == ["access-0"]
    assert stand_in.requests[0].headers["X-Cat-Colour"] == "black"


@pytest.mark.parametrize("status", [401, 404, 503])
def test_errors_of_the_cat_are_its_response(status: int) -> None:
    stand_in = StandIn(lambda request: httpx.Response(status, text="mine"))
    house = CatHouse(transport=stand_in)
    house.sign_in("ada@example.com", "correct horse battery")
    assert house.call_cat(CAT, "GET", "tasks").text == "mine"
    assert (len(stand_in.requests), stand_in.refreshes) == (1, 0)


def test_refusals_of_the_platform_are_raised() -> None:
    stand_in = StandIn(lambda request: problem(403, "scope_missing", scope="tasks:delete"))
    with pytest.raises(Forbidden) as raised:
        CatHouse(transport=stand_in).call_cat(CAT, "DELETE", "tasks/1", credential="secret")
    assert raised.value.extra["scope"] == "tasks:delete"


@pytest.mark.parametrize("path", ["../../auth/me", "tasks/..", "%2e%2E/x", "./tasks", "x#y"])
def test_a_path_that_would_leave_the_cat_is_not_sent(path: str) -> None:
    stand_in = StandIn(echo)
    with pytest.raises(ValueError, match="give the path without it"):
        CatHouse(transport=stand_in).call_cat(CAT, "GET", path, credential="secret")
    assert stand_in.requests == []


def paged(request: httpx.Request) -> httpx.Response:
    """Five categories in pages of `limit`."""
    begin, limit = int(request.url.params.get("cursor", "0")), int(request.url.params["limit"])
    end = begin + limit
    items = [{"category": f"category {n}", "count": n} for n in range(begin, min(end, 5))]
    return httpx.Response(200, json={"items": items, "next_cursor": str(end) if end < 5 else None})


def test_a_list_is_read_page_by_page() -> None:
    stand_in = StandIn(paged)
    categories = iterate(CatHouse(transport=stand_in).catalog.list_categories, limit=2)
    assert next(categories).count == 0
    assert len(stand_in.requests) == 1
    assert [category.count for category in categories] == [1, 2, 3, 4]
    assert len(stand_in.requests) == 3


async def test_a_list_is_read_page_by_page_in_asyncio() -> None:
    async with AsyncCatHouse(transport=StandIn(paged)) as house:
        categories = aiterate(house.catalog.list_categories, limit=2)
        assert [category.count async for category in categories] == [0, 1, 2, 3, 4]
