import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from cathouse_kit.security import anyone
from cathouse_kit.testing import running
from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CollectorRegistry

from .conftest import Logged, MakeApp
from .support import call

LIMIT = 2048


@pytest.fixture
def app(make_app: MakeApp) -> FastAPI:
    return make_app(max_body_bytes=LIMIT)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


def metrics(app: FastAPI) -> CollectorRegistry:
    registry: CollectorRegistry = app.state.context.metrics.registry
    return registry


def counted(app: FastAPI) -> set[tuple[str, str, str]]:
    """Return the method, route and status of every counted request."""
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"])
        for metric in metrics(app).collect()
        for sample in metric.samples
        if sample.name == "http_requests_total"
    }


ENDS = [
    ("GET", "/api/v1/sample/things/7", b"", 200),
    ("GET", "/api/v1/sample/nothing", b"", 404),
    ("DELETE", "/api/v1/sample/things/7", b"", 405),
    ("POST", "/api/v1/sample/things", b"x" * (LIMIT + 1), 413),
    ("POST", "/api/v1/sample/things", b"{", 422),
    ("GET", "/api/v1/sample/things/seven", b"", 422),
    ("GET", "/api/v1/sample/unexpected", b"", 500),
    ("GET", "/api/v1/sample/tea", b"", 503),
    ("GET", "/health", b"", 200),
    ("GET", "/api/v1/docs", b"", 200),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), ENDS)
async def test_every_response_has_the_request_id_of_the_request(
    method: str, path: str, body: bytes, status: int, client: httpx.AsyncClient
) -> None:
    response = await client.request(
        method, path, content=body, headers={"X-Request-ID": "request-12345"}
    )
    assert response.status_code == status
    assert response.headers.get_list("X-Request-ID") == ["request-12345"]


async def test_a_request_without_a_valid_id_gets_a_new_one(
    client: httpx.AsyncClient,
) -> None:
    ids = [
        (await client.get("/health", headers=headers)).headers["X-Request-ID"]
        for headers in ({}, {}, {"X-Request-ID": "bad id"})
    ]
    assert len(set(ids)) == 3
    assert all(len(id_) == 32 for id_ in ids)


async def test_a_request_has_one_line_in_the_log(client: httpx.AsyncClient, logged: Logged) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    await client.get(
        "/api/v1/sample/things/7?password=hunter2",
        headers={
            "X-Request-ID": "request-12345",
            "traceparent": f"00-{trace_id}-b7ad6b7169203331-01",
        },
    )
    (line,) = logged()
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("duration_ms") > 0
    assert line == {
        "level": "info",
        "service": "sample",
        "message": "request",
        "request_id": "request-12345",
        "trace_id": trace_id,
        "logger": "cathouse_kit.request",
        "method": "GET",
        "route": "/api/v1/sample/things/{thing_id}",
        "status": 200,
        "client": "127.0.0.1",
    }


async def test_successful_probes_are_not_logged_and_failing_ones_are(
    client: httpx.AsyncClient, logged: Logged
) -> None:
    for path in ("/health", "/api/v1/health", "/metrics"):
        assert (await client.get(path)).status_code == 200
    assert logged() == []
    assert (await client.get("/health/ready")).status_code == 503
    line = logged()[-1]
    assert (line["message"], line["route"], line["status"]) == ("request", "/health/ready", 503)


async def test_requests_are_counted_by_route_template_and_never_by_path(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    for method, path, body, _status in ENDS:
        await client.request(method, path, content=body)
    await client.get("/api/v1/docs/assets/swagger-ui.css")
    await client.get("/api/v1/openapi.json")
    assert counted(app) == {
        ("GET", "/api/v1/sample/things/{thing_id}", "200"),
        ("GET", "/api/v1/sample/things/{thing_id}", "422"),
        ("DELETE", "/api/v1/sample/things/{thing_id}", "405"),
        ("GET", "(unmatched)", "404"),
        ("POST", "/api/v1/sample/things", "422"),
        ("POST", "(unmatched)", "413"),
        ("GET", "/api/v1/sample/unexpected", "500"),
        ("GET", "/api/v1/sample/tea", "503"),
        ("GET", "/health", "200"),
        ("GET", "/api/v1/docs", "200"),
        ("GET", "/api/v1/docs/assets/{name}", "200"),
        ("GET", "/api/v1/openapi.json", "200"),
    }
    measured = metrics(app).get_sample_value(
        "http_request_duration_seconds_count",
        {"method": "GET", "route": "/api/v1/sample/things/{thing_id}"},
    )
    assert measured == 2


async def test_requests_in_progress_are_counted(make_app: MakeApp) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()
    router = APIRouter(dependencies=[Depends(anyone)])

    @router.get("/slow")
    async def slow() -> None:
        reached.set()
        await go_on.wait()

    app = make_app(router)
    async with running(app) as client:
        request = asyncio.create_task(client.get("/slow"))
        await reached.wait()
        assert metrics(app).get_sample_value("http_requests_in_flight") == 1
        assert len(app.state.context.lifecycle.in_flight) == 1
        go_on.set()
        assert (await request).status_code == 200
    assert metrics(app).get_sample_value("http_requests_in_flight") == 0
    assert app.state.context.lifecycle.in_flight == set()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/sample/upload", 499),
        ("/api/v1/sample/things", 400),  # FastAPI reads this body, and fails
    ],
)
async def test_a_client_that_disconnects_during_its_body_is_not_logged_as_a_failure(
    path: str, status: int, app: FastAPI, logged: Logged
) -> None:
    beginning = {"type": "http.request", "body": b"{", "more_body": True}
    await call(app, "POST", path, messages=[beginning])
    (line,) = logged()
    assert (line["level"], line["route"], line["status"]) == ("info", path, status)
    assert line["client"] == "192.0.2.7"
    assert app.state.context.lifecycle.in_flight == set()


async def test_a_request_that_the_server_cancels_is_logged_and_counted_as_failed(
    make_app: MakeApp, logged: Logged
) -> None:
    reached = asyncio.Event()
    router = APIRouter(dependencies=[Depends(anyone)])

    @router.get("/slow")
    async def slow() -> None:
        reached.set()
        await asyncio.Event().wait()

    app = make_app(router)
    request = asyncio.create_task(
        call(app, "GET", "/slow", messages=[{"type": "http.request", "body": b""}])
    )
    await reached.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert [line["status"] for line in logged()] == [500]
    assert counted(app) == {("GET", "/slow", "500")}


async def test_a_response_that_breaks_off_closes_the_connection_and_is_logged(
    app: FastAPI, logged: Logged
) -> None:
    with pytest.raises(RuntimeError, match="no end"):
        await call(
            app,
            "GET",
            "/api/v1/sample/breaks-off",
            messages=[{"type": "http.request", "body": b"", "more_body": False}],
        )
    failure, request = logged()
    assert failure["message"] == "unexpected failure: RuntimeError"
    assert failure["request_id"] == request["request_id"]
    assert request["route"] == "/api/v1/sample/breaks-off"
    assert app.state.context.lifecycle.in_flight == set()


async def chunks(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


async def test_a_body_of_exactly_the_limit_is_accepted(client: httpx.AsyncClient) -> None:
    announced = await client.post("/api/v1/sample/upload", content=b"x" * LIMIT)
    streamed = await client.post("/api/v1/sample/upload", content=chunks(LIMIT - 1, 1))
    assert announced.json() == streamed.json() == {"size": LIMIT}


async def test_a_body_over_the_limit_is_refused_before_any_of_it_is_read(app: FastAPI) -> None:
    start, body = await call(
        app, "POST", "/api/v1/sample/upload", headers={"Content-Length": str(LIMIT + 1)}
    )
    assert start["status"] == 413
    assert b'"limit":2048' in body["body"]


@pytest.mark.parametrize("path", ["/api/v1/sample/upload", "/api/v1/sample/things"])
async def test_a_body_of_unknown_length_is_refused_as_soon_as_it_is_over_the_limit(
    path: str, client: httpx.AsyncClient
) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1000
            yield b" " * 1000

    response = await client.post(path, content=endless())
    assert response.status_code == 413
    assert response.json()["type"] == "urn:paper:problem:body_too_large"
    assert read == 3000


async def test_a_wrong_content_length_does_not_bypass_the_limit(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/api/v1/sample/upload", content=chunks(LIMIT, 1), headers={"Content-Length": "10"}
    )
    assert response.status_code == 413


async def test_browsers_of_the_origins_named_may_call_and_read_the_request_id(
    make_app: MakeApp,
) -> None:
    async with running(make_app(cors_origins=("https://a.example",))) as client:
        allowed = await client.get("/health", headers={"Origin": "https://a.example"})
        other = await client.get("/health", headers={"Origin": "https://b.example"})
        asked = await client.options(
            "/api/v1/sample/things",
            headers={"Origin": "https://a.example", "Access-Control-Request-Method": "POST"},
        )
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert "X-Request-ID" in allowed.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in other.headers
    assert asked.status_code == 200
    assert "X-Request-ID" in asked.headers


async def test_a_browser_may_read_the_headers_of_every_kind_of_response(make_app: MakeApp) -> None:
    origin = {"Origin": "https://a.example"}
    async with running(make_app(cors_origins=("https://a.example",))) as client:
        responses = [
            await client.get(f"/api/v1/sample/{path}", headers=origin)
            for path in ("things/7", "nothing", "things/x", "tea", "unexpected", "misfit")
        ]
    assert [response.status_code for response in responses] == [200, 404, 422, 503, 500, 500]
    for response in responses:
        assert response.headers["Access-Control-Allow-Origin"] == "https://a.example"
        exposed = set(response.headers["Access-Control-Expose-Headers"].split(", "))
        assert exposed >= {"X-Request-ID", "Retry-After", "RateLimit-Limit"}
        assert exposed >= {"RateLimit-Remaining", "RateLimit-Reset", "Deprecation", "Sunset"}
        if response.status_code >= 400:
            assert response.json()["request_id"] == response.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("origin", "method", "detail"),
    [
        ("https://b.example", "GET", "Disallowed CORS origin."),
        ("https://a.example", "BREW", "Disallowed CORS method."),
    ],
)
async def test_a_refused_preflight_gets_a_problem(
    origin: str, method: str, detail: str, make_app: MakeApp
) -> None:
    async with running(make_app(cors_origins=("https://a.example",))) as client:
        refused = await client.options(
            "/api/v1/sample/things",
            headers={"Origin": origin, "Access-Control-Request-Method": method},
        )
    assert refused.status_code == 400
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert refused.json() == {
        "type": "urn:paper:problem:bad_request",
        "title": "Bad request",
        "status": 400,
        "detail": detail,
        "instance": "/api/v1/sample/things",
        "request_id": refused.headers["X-Request-ID"],
    }


async def test_without_origins_pages_of_other_sites_may_not_read(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/health", headers={"Origin": "https://a.example"})
    assert not any(name.startswith("access-control") for name in response.headers)
