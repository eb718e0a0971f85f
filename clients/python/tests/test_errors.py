"""Errors of calls."""

import socket
from typing import Any

import httpx
import pytest
from cathouse_client import (
    CatHouse,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ProblemError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnexpectedResponse,
    Unreachable,
)
from cathouse_client.version import VERSION

from .stand_in import REQUEST_ID, StandIn, problem


def responding(response: httpx.Response) -> CatHouse:
    return CatHouse(transport=StandIn(lambda request: response))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (418, ProblemError),
        (422, InvalidRequest),
        (429, TooManyRequests),
        (500, ProblemError),
        (503, Unavailable),
    ],
)
def test_a_problem_is_raised_by_its_status(status: int, expected: type[ProblemError]) -> None:
    # A wait that the client leaves to its caller.
    refused = problem(status, "some_code", {"Retry-After": "99"}, scope="tasks:write")
    with pytest.raises(ProblemError) as raised:
        responding(refused).catalog.read_cat("task-keeper")
    error = raised.value
    assert type(error) is expected
    assert (error.status, error.code, error.request_id) == (status, "some_code", REQUEST_ID)
    assert error.extra == {"scope": "tasks:write"}
    assert error.retry_after == 99
    assert REQUEST_ID in str(error)


def test_a_refused_request_names_its_fields() -> None:
    errors = [{"loc": ["query", "limit"], "msg": "too large", "type": "less_than_equal"}]
    with pytest.raises(InvalidRequest) as raised:
        responding(problem(422, "invalid_request", errors=errors)).catalog.list_cats(limit=1000)
    [field] = raised.value.errors
    assert (field.loc, field.msg) == (["query", "limit"], "too large")


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, text="<h1>It works!</h1>"),
        httpx.Response(
            200, json={"name": "a cat without what an older or newer platform leaves out"}
        ),
        httpx.Response(404, text="404 page not found"),
        httpx.Response(302, headers={"Location": "https://example.com/"}),
        httpx.Response(
            502, json={"type": "about:blank"}, headers={"Content-Type": "application/problem+json"}
        ),
    ],
    ids=["a page", "another shape", "another server", "a redirect", "another's problem"],
)
def test_a_response_of_another_program_or_version_is_said_to_be_one(
    response: httpx.Response,
) -> None:
    with pytest.raises(
        UnexpectedResponse, match="Check the address, and use the client of"
    ) as raised:
        responding(response).catalog.read_cat("task-keeper")
    assert raised.value.response.status_code == response.status_code


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (405, "method_not_allowed")])
def test_a_route_that_an_older_or_newer_platform_lacks_is_said_to_be_one(
    status: int, code: str
) -> None:
    with pytest.raises(ProblemError, match=f"older or newer than cathouse-client {VERSION}"):
        responding(problem(status, code)).catalog.read_cat("task-keeper")


def test_a_cat_that_does_not_exist_is_no_matter_of_versions() -> None:
    with pytest.raises(NotFound) as raised:
        responding(problem(404, "cat_not_found")).catalog.read_cat("task-keeper")
    assert "cathouse-client" not in str(raised.value)


def test_fields_that_are_new_are_kept() -> None:
    body: dict[str, Any] = {"items": [], "next_cursor": None, "total": 0}
    page = responding(httpx.Response(200, json=body)).catalog.list_cats()
    assert page.additional_properties == {"total": 0}


def test_an_address_where_nothing_listens_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cathouse_client.http.sleep", lambda seconds: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening: nothing else gets the port
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with (
            CatHouse(address, transport=httpx.HTTPTransport()) as house,
            pytest.raises(
                Unreachable, match=f"{address}/api/v1/catalog/cats.*address of its gateway"
            ),
        ):
            house.catalog.list_cats()
