"""Every service reports all errors in the same shape."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from cathouse_kit.schemas import RequestBody
from cathouse_kit.settings import ServiceSettings
from fastapi import FastAPI

SAMPLE = "/sample"
MEMBERS = {"type", "title", "status", "detail", "instance", "request_id"}


class Sample(RequestBody):
    name: str


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    """Return the service with an additional route that fails. Nothing else is changed."""

    async def take(body: Sample) -> None:
        return None

    async def explode() -> None:
        raise RuntimeError("the password is hunter2")

    app.add_api_route(SAMPLE, take, methods=["POST"])
    app.add_api_route(SAMPLE, explode, methods=["GET"])
    return app


def assert_problem(response: httpx.Response, status: int, *more: str) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert set(problem) == MEMBERS | set(more)
    assert problem["status"] == status
    assert problem["type"].startswith("urn:cathouse:problem:")
    assert problem["instance"] == response.request.url.path
    assert problem["request_id"] == response.headers["x-request-id"]


async def test_an_unknown_route(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/nowhere"), 404)


async def test_a_wrong_method_gets_the_allowed_methods(client: httpx.AsyncClient) -> None:
    response = await client.put("/api/v1/health")
    assert_problem(response, 405)
    assert response.headers["allow"] == "GET, HEAD"


async def test_a_wrong_method_gets_the_methods_of_every_route_at_the_path(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    allowed: dict[str, set[str]] = {}
    for path, operations in app.openapi()["paths"].items():
        if path == SAMPLE:
            continue
        concrete = re.sub(r"{\w+}", str(uuid4()), path)
        methods = allowed.setdefault(concrete, set())
        methods.update(method.upper() for method in operations)
        if "GET" in methods:
            methods.add("HEAD")
    for path, methods in allowed.items():
        response = await client.request("TRACE", path)
        if response.status_code == 405:
            assert set(response.headers["allow"].split(", ")) == methods, path


async def test_a_body_that_is_announced_too_large(
    client: httpx.AsyncClient, settings: ServiceSettings
) -> None:
    body = b"x" * (settings.max_body_bytes + 1)
    assert_problem(await client.post(SAMPLE, content=body), 413, "limit")


async def test_a_body_that_turns_out_too_large(
    client: httpx.AsyncClient, settings: ServiceSettings
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(settings.max_body_bytes // 65536 + 1):
            yield b"x" * 65536

    headers = {"Content-Type": "application/json"}
    assert_problem(await client.post(SAMPLE, content=chunks(), headers=headers), 413, "limit")


async def test_a_body_that_is_no_json(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    response = await client.post(SAMPLE, content=b'{"name": ', headers=headers)
    assert_problem(response, 422, "errors")


async def test_a_body_that_is_wrong_says_where_and_repeats_no_value(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post(SAMPLE, json={"name": 4711, "nickname": "hunter2"})
    assert_problem(response, 422, "errors")
    wrong = {(*error["loc"],): error["type"] for error in response.json()["errors"]}
    assert wrong == {("body", "name"): "string_type", ("body", "nickname"): "extra_forbidden"}
    assert all(set(error) == {"loc", "msg", "type"} for error in response.json()["errors"])
    assert "hunter2" not in response.text
    assert "4711" not in response.text


async def test_an_unexpected_failure_shows_no_details(client: httpx.AsyncClient) -> None:
    response = await client.get(SAMPLE)
    assert_problem(response, 500)
    assert "hunter2" not in response.text


@pytest.mark.parametrize("given", ["abcdef12", "A.b_c-" + "9" * 122])
async def test_a_good_request_id_is_kept(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/nowhere", headers={"X-Request-ID": given})
    assert response.headers["x-request-id"] == given
    assert response.json()["request_id"] == given


@pytest.mark.parametrize("given", ["short", "x" * 129, "has space", "semi;colon", "", "ünïcödé"])
async def test_a_bad_request_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/nowhere", headers={b"X-Request-ID": given.encode()})
    assert 8 <= len(response.headers["x-request-id"]) <= 128
    assert response.headers["x-request-id"] != given
