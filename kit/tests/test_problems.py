from collections.abc import AsyncIterator

import httpx
import pytest
from cathouse_kit.platform import PROBLEM_PREFIX
from cathouse_kit.problems import (
    Conflict,
    InvalidRequest,
    NotFound,
    ProblemBody,
    TooManyRequests,
    Unauthenticated,
    problem_responses,
)
from cathouse_kit.testing import running

from .conftest import Logged, MakeApp

STANDARD = {"type", "title", "status", "detail", "instance", "request_id"}


@pytest.fixture
async def client(make_app: MakeApp) -> AsyncIterator[httpx.AsyncClient]:
    async with running(make_app()) as client:
        yield client


def problem(response: httpx.Response, status: int, kind: str) -> dict[str, object]:
    """Check the standard members of a problem, and return the other ones."""
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, object] = response.json()
    ProblemBody.model_validate(body)
    assert body["status"] == status
    assert body["type"] == f"urn:paper:problem:{kind}"
    assert body["instance"] == response.request.url.path
    assert body["request_id"] == response.headers["X-Request-ID"]
    return {name: value for name, value in body.items() if name not in STANDARD}


async def test_an_unknown_route(client: httpx.AsyncClient) -> None:
    assert problem(await client.get("/nothing/here"), 404, "not_found") == {}


async def test_a_wrong_method_gets_the_allowed_methods(client: httpx.AsyncClient) -> None:
    response = await client.put("/api/v1/sample/things/7")
    assert problem(response, 405, "method_not_allowed") == {}
    assert response.headers["Allow"] == "GET, HEAD"


async def test_bad_json(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/api/v1/sample/things",
        content=b'{"name": hunter2',
        headers={"Content-Type": "application/json"},
    )
    members = problem(response, 422, "invalid_request")
    assert members["errors"] == [
        {"loc": ["body", 9], "msg": "JSON decode error", "type": "json_invalid"}
    ]
    assert "hunter2" not in response.text


async def test_a_body_that_is_not_utf_8_is_a_bad_request(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/api/v1/sample/things",
        content=b'{"name": "\xff"}',
        headers={"Content-Type": "application/json"},
    )
    assert problem(response, 400, "bad_request") == {}


async def test_a_body_of_endless_brackets_is_a_bad_request(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/api/v1/sample/things",
        content=b"[" * 100_000,
        headers={"Content-Type": "application/json"},
    )
    assert problem(response, 400, "bad_request") == {}


async def test_invalid_fields_are_named_and_their_values_not_sent_back(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post(
        "/api/v1/sample/things", json={"password": "hunter2", "nickname": "hunter3"}
    )
    members = problem(response, 422, "invalid_request")
    assert members["errors"] == [
        {"loc": ["body", "name"], "msg": "Field required", "type": "missing"},
        {
            "loc": ["body", "password"],
            "msg": "String should have at least 12 characters",
            "type": "string_too_short",
        },
        {
            "loc": ["body", "nickname"],
            "msg": "Extra inputs are not permitted",
            "type": "extra_forbidden",
        },
    ]
    assert "hunter" not in response.text


@pytest.mark.parametrize("unknown", [20, 21, 1000, 50_000])
async def test_twenty_errors_are_reported_at_most(client: httpx.AsyncClient, unknown: int) -> None:
    body = {"name": "a"} | {f"n{n}": n for n in range(unknown)}
    response = await client.post("/api/v1/sample/things", json=body)
    errors = problem(response, 422, "invalid_request")["errors"]
    assert isinstance(errors, list)
    assert [error["loc"] for error in errors] == [["body", f"n{n}"] for n in range(20)]
    assert ("Only the first 20 errors" in response.json()["detail"]) == (unknown > 20)


def test_a_rule_reports_twenty_errors_at_most() -> None:
    refused = InvalidRequest(errors=[{"loc": ["body", n]} for n in range(30)])
    assert len(refused.members["errors"]) == 20
    assert "Only the first 20 errors" in refused.detail
    assert "errors" not in InvalidRequest("without a field").members


@pytest.mark.parametrize("name", [r"nul\u0000", r"lone \ud800 surrogate", r"two\nlines", " "])
async def test_text_that_cannot_be_stored_is_invalid(name: str, client: httpx.AsyncClient) -> None:
    body = f'{{"name": "{name}"}}'.encode()
    response = await client.post(
        "/api/v1/sample/things", content=body, headers={"Content-Type": "application/json"}
    )
    problem(response, 422, "invalid_request")


async def test_a_field_name_that_is_not_unicode_is_invalid(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/api/v1/sample/things",
        content=rb'{"name": "a", "\ud800": 1}',
        headers={"Content-Type": "application/json"},
    )
    problem(response, 422, "invalid_request")


async def test_an_unexpected_failure_is_hidden_from_the_caller_and_logged(
    client: httpx.AsyncClient, logged: Logged
) -> None:
    response = await client.get("/api/v1/sample/unexpected")
    assert problem(response, 500, "internal_error") == {}
    assert "hunter2" not in response.text
    assert "RuntimeError" not in response.text
    failure, request = logged()
    assert failure["message"] == "unexpected failure: RuntimeError"
    assert "in unexpected\n" in failure["exception"]
    assert failure["request_id"] == request["request_id"] == response.json()["request_id"]
    assert (request["level"], request["status"]) == ("warning", 500)


async def test_a_service_raises_its_own_problems_with_members_and_headers(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/api/v1/sample/tea")
    assert problem(response, 503, "out_of_tea") == {"kinds": ["green", "black"]}
    assert (response.json()["title"], response.json()["detail"]) == (
        "Out of tea",
        "There is no tea.",
    )
    assert response.headers["Retry-After"] == "60"


def test_problems_have_the_header_that_their_status_requires() -> None:
    assert Unauthenticated().headers == {"WWW-Authenticate": "Bearer"}
    assert TooManyRequests(7).headers == {"Retry-After": "7"}


def test_rules_and_schemas_report_a_refused_field_in_the_same_way() -> None:
    refused = InvalidRequest.of("query", "cursor", msg="is not ours")
    assert refused.members == {
        "errors": [{"loc": ["query", "cursor"], "msg": "is not ours", "type": "value_error"}]
    }


async def test_the_description_declares_the_problems_of_each_route(
    client: httpx.AsyncClient,
) -> None:
    description = (await client.get("/api/v1/openapi.json")).json()
    responses = description["paths"]["/api/v1/sample/things"]["post"]["responses"]
    assert set(responses) == {"200", "400", "413", "422", "500", "503"}
    for status in ("400", "413", "422", "500", "503"):
        content = responses[status]["content"]
        assert content["application/problem+json"]["schema"] == {
            "$ref": "#/components/schemas/Problem"
        }
    assert set(description["components"]["schemas"]) == {
        "Checks", "DatabaseCheck", "Health", "InvalidField", "MigrationsCheck", "Problem",
        "Readiness", "RevocationsCheck", "Startup", "Thing", "Wrong",
    }  # fmt: skip


def test_kinds_of_one_status_share_a_response_with_an_example_of_each() -> None:
    class NameTaken(Conflict):
        title = "Name taken"

    declared = problem_responses(NotFound, Conflict, NameTaken)
    assert set(declared) == {404, 409}
    assert declared[409]["description"] == "Conflict · Name taken"
    examples = declared[409]["content"]["application/problem+json"]["examples"]
    assert examples["name_taken"]["value"]["type"] == f"{PROBLEM_PREFIX}name_taken"
