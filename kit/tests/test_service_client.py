import asyncio
import ssl
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from cathouse_kit import service_client as service_client_module
from cathouse_kit.context import RequestContext, TraceContext, current_request
from cathouse_kit.security import anyone
from cathouse_kit.service_client import PeerUnavailable, ServiceClient
from cathouse_kit.testing import FakeServices, running
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, SecretStr

from .conftest import Logged, MakeApp
from .sample_platform import PLATFORM
from .support import PREVIOUS_TOKEN, TOKEN

Handler = Callable[[httpx.Request], httpx.Response]
PATH = "/api/v1/catalog/cats"


class Catalog:
    """A service that returns one response after another, and then the last one again and again."""

    def __init__(self) -> None:
        self.responses: list[httpx.Response | Exception] = [httpx.Response(200, json={"items": []})]
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        if isinstance(response, Exception):
            raise response
        return response


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
async def client(catalog: Catalog) -> AsyncIterator[ServiceClient]:
    client = ServiceClient(
        "catalog",
        "http://catalog.test",
        [SecretStr(TOKEN)],
        transport=httpx.MockTransport(catalog),
    )
    yield client
    await client.close()


NO_ANSWERS = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.ReadTimeout("slow"),
    httpx.PoolTimeout("busy"),
    httpx.ReadError("reset"),
    httpx.RemoteProtocolError("no HTTP"),
    httpx.DecodingError("no gzip"),
    httpx.Response(502),
    httpx.Response(503),
    httpx.Response(504),
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), httpx.Response(503)], ids=str)
async def test_idempotent_requests_are_retried_once(
    method: str, failure: httpx.Response | Exception, client: ServiceClient, catalog: Catalog
) -> None:
    catalog.responses.insert(0, failure)
    assert (await client.request(method, PATH)).status_code == 200
    assert [request.method for request in catalog.requests] == [method, method]


@pytest.mark.parametrize("failure", NO_ANSWERS, ids=repr)
async def test_a_service_that_fails_twice_is_unavailable(
    failure: httpx.Response | Exception, client: ServiceClient, catalog: Catalog
) -> None:
    catalog.responses = [failure]
    with pytest.raises(PeerUnavailable) as unavailable:
        await client.request("GET", PATH)
    assert len(catalog.requests) == 2
    assert unavailable.value.members == {"peer": "catalog"}
    assert unavailable.value.status == 503


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_other_requests_are_not_retried(
    method: str, client: ServiceClient, catalog: Catalog
) -> None:
    catalog.responses.insert(0, httpx.ConnectError("refused"))
    with pytest.raises(PeerUnavailable):
        await client.request(method, PATH, json={})
    assert len(catalog.requests) == 1


async def test_a_caller_can_allow_or_forbid_a_retry(
    client: ServiceClient, catalog: Catalog
) -> None:
    catalog.responses.insert(0, httpx.ReadTimeout("slow"))
    response = await client.request("POST", PATH, json={"a": 1}, idempotent=True)
    assert response.json() == {"items": []}
    assert [request.content for request in catalog.requests] == [b'{"a":1}'] * 2
    catalog.responses.insert(0, httpx.ReadTimeout("slow"))
    with pytest.raises(PeerUnavailable):
        await client.request("PUT", PATH, idempotent=False)
    assert len(catalog.requests) == 3


@pytest.mark.parametrize("status", [500, 501, 302, 307])
async def test_an_unusable_response_is_not_retried(
    status: int, client: ServiceClient, catalog: Catalog
) -> None:
    catalog.responses = [httpx.Response(status, headers={"Location": "http://elsewhere.test/"})]
    with pytest.raises(PeerUnavailable):
        await client.request("GET", PATH)
    assert [request.url.host for request in catalog.requests] == ["catalog.test"]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429])
async def test_a_4xx_response_is_returned_to_the_caller(
    status: int, client: ServiceClient, catalog: Catalog
) -> None:
    catalog.responses = [httpx.Response(status, json={"status": status})]
    assert (await client.request("GET", PATH)).status_code == status
    assert len(catalog.requests) == 1
    with pytest.raises(PeerUnavailable):
        await client.get_json(PATH)


@pytest.mark.parametrize("content", [b"", b"<html>", b"{", b"\xff"])
async def test_a_body_that_is_not_json_makes_the_service_unavailable(
    content: bytes, client: ServiceClient, catalog: Catalog
) -> None:
    catalog.responses = [httpx.Response(200, content=content)]
    with pytest.raises(PeerUnavailable):
        await client.get_json(PATH)


class Cat(BaseModel):
    name: str


async def test_a_body_is_read_into_a_model(client: ServiceClient, catalog: Catalog) -> None:
    catalog.responses = [httpx.Response(200, json={"name": "Tom", "new": 1})]
    assert client.read(await client.request("GET", PATH), Cat) == Cat(name="Tom")


@pytest.mark.parametrize("body", [{}, {"name": 7}, [], None])
async def test_a_body_of_a_wrong_shape_makes_the_service_unavailable(
    body: object, client: ServiceClient, catalog: Catalog
) -> None:
    catalog.responses = [httpx.Response(200, json=body)]
    response = await client.request("GET", PATH)
    with pytest.raises(PeerUnavailable):
        client.read(response, Cat)


async def test_a_slow_response_has_a_time_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service_client_module, "ATTEMPT_SECONDS", 0.05)

    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    client = ServiceClient(
        "catalog", "http://c.test", [SecretStr(TOKEN)], transport=httpx.MockTransport(never)
    )
    with pytest.raises(PeerUnavailable):
        await client.request("POST", PATH)
    await client.close()


async def test_every_kind_of_wait_has_a_limit(client: ServiceClient, catalog: Catalog) -> None:
    await client.request("GET", PATH)
    timeouts = catalog.requests[0].extensions["timeout"]
    assert set(timeouts) == {"connect", "read", "write", "pool"}
    assert all(0 < seconds <= 5 for seconds in timeouts.values())


async def test_calls_forward_the_request_id_and_the_trace(
    client: ServiceClient, catalog: Catalog
) -> None:
    trace = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "01", "vendor=1")
    token = current_request.set(RequestContext("request-12345", trace))
    await client.request("GET", PATH)
    current_request.reset(token)
    headers = catalog.requests[0].headers
    assert headers["X-Request-ID"] == "request-12345"
    assert headers["traceparent"] == trace.traceparent
    assert headers["tracestate"] == "vendor=1"


async def test_a_call_outside_of_a_request_starts_a_trace(
    client: ServiceClient, catalog: Catalog
) -> None:
    await client.request("GET", PATH)
    headers = catalog.requests[0].headers
    assert TraceContext.parse(headers["traceparent"], None) is not None
    assert "X-Request-ID" not in headers


@pytest.mark.parametrize(
    ("path", "authorization"),
    [("/api/v1/catalog/internal/cats/7", f"Bearer {TOKEN}"), (PATH, None)],
)
async def test_the_service_token_goes_to_internal_routes_only(
    path: str, authorization: str | None, client: ServiceClient, catalog: Catalog
) -> None:
    await client.request("GET", path)
    assert catalog.requests[0].headers.get("Authorization") == authorization


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_service_that_refuses_the_newest_token_gets_the_previous_one(
    method: str, catalog: Catalog
) -> None:
    catalog.responses = [httpx.Response(401), httpx.Response(200)]
    tokens = [SecretStr(TOKEN), SecretStr(PREVIOUS_TOKEN)]
    client = ServiceClient(
        "catalog", "http://c.test", tokens, transport=httpx.MockTransport(catalog)
    )
    response = await client.request(method, "/api/v1/catalog/internal/cats/7", json={"a": 1})
    await client.close()
    assert response.status_code == 200
    shown = [request.headers["Authorization"] for request in catalog.requests]
    assert shown == [f"Bearer {TOKEN}", f"Bearer {PREVIOUS_TOKEN}"]
    assert [request.content for request in catalog.requests] == [b'{"a":1}'] * 2


@pytest.mark.parametrize("status", [200, 403, 404, 422])
async def test_a_service_that_knows_the_token_is_called_once(status: int, catalog: Catalog) -> None:
    catalog.responses = [httpx.Response(status)]
    tokens = [SecretStr(TOKEN), SecretStr(PREVIOUS_TOKEN)]
    client = ServiceClient(
        "catalog", "http://c.test", tokens, transport=httpx.MockTransport(catalog)
    )
    await client.request("GET", "/api/v1/catalog/internal/cats/7")
    await client.close()
    assert len(catalog.requests) == 1


async def test_a_service_that_refuses_both_tokens_is_unavailable(catalog: Catalog) -> None:
    catalog.responses = [httpx.Response(401)]
    tokens = [SecretStr(TOKEN), SecretStr(PREVIOUS_TOKEN)]
    client = ServiceClient(
        "catalog", "http://c.test", tokens, transport=httpx.MockTransport(catalog)
    )
    with pytest.raises(PeerUnavailable):
        await client.get_json("/api/v1/catalog/internal/cats/7")
    await client.close()
    assert len(catalog.requests) == 2


async def test_a_service_that_is_down_is_a_503_with_its_name_and_the_reason_in_the_log(
    make_app: MakeApp, catalog: Catalog, logged: Logged
) -> None:
    router = APIRouter(dependencies=[Depends(anyone)])

    @router.get("/cats")
    async def cats(request: Request) -> object:
        return await request.app.state.context.clients["catalog"].get_json(PATH)

    fake_services = FakeServices(PLATFORM)
    fake_services.on("GET", PATH, catalog)
    app = make_app(router, transport=fake_services.transport)
    async with running(app) as client:
        works = await client.get(
            "/cats",
            headers={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        )
        catalog.responses = [httpx.ConnectError("refused")]
        logged()
        down = await client.get("/cats")
    assert works.json() == {"items": []}
    assert catalog.requests[0].headers["X-Request-ID"] == works.headers["X-Request-ID"]
    version, trace_id, span_id, flags = catalog.requests[0].headers["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", "0af7651916cd43dd8448eb211c80319c", "01")
    assert span_id != "b7ad6b7169203331"
    assert down.status_code == 503
    assert down.json()["type"] == "urn:paper:problem:peer_unavailable"
    assert down.json()["peer"] == "catalog"
    messages = [line["message"] for line in logged()]
    assert "Another service does not respond: ConnectError('refused')" in messages


async def test_certificates_are_loaded_once_for_all_clients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded: list[object] = []
    monkeypatch.setattr(
        ssl.SSLContext, "load_verify_locations", lambda *_, **given: loaded.append(given)
    )
    service_client_module._certificates.cache_clear()
    for name in ("auth", "catalog", "installation"):
        await ServiceClient(name, f"https://{name}.test", [SecretStr(TOKEN)]).close()
    assert len(loaded) == 1
    # Other tests must not use these certificates without authorities.
    service_client_module._certificates.cache_clear()


async def test_clients_without_tls_load_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    def load() -> None:
        raise AssertionError("certificates are loaded")

    monkeypatch.setattr(service_client_module, "_certificates", load)
    await ServiceClient("auth", "http://auth.test", [SecretStr(TOKEN)]).close()
