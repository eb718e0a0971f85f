"""Malformed requests, trailers, slow bodies, slow readers and too many connections, over sockets."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
from cathouse_kit import header_limits
from cathouse_kit.addresses import TrustedProxies, parse_networks
from cathouse_kit.connections import Connections
from cathouse_kit.head_checks import MalformedRequest, check_head
from cathouse_kit.header_limits import HeadLimitingProtocol
from cathouse_kit.metrics import Metrics
from cathouse_kit.middleware import SECURITY_HEADERS
from cathouse_kit.testing import eventually
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http import flow_control, httptools_impl

from .conftest import Logged, MakeApp
from .support import DEADLINE_SECONDS, ServiceProcess, running_package
from .wire import Client, Connect, connected, listening, problem_of

LARGE = 8 * 1024 * 1024
CHUNKED = b"POST /cats HTTP/1.1\r\nHost: cats\r\nTransfer-Encoding: chunked\r\n\r\n"


class Mirror:
    """An app that returns the request. `/large` and `/parts` return bodies without a Content-Length."""

    def __init__(self) -> None:
        self.may_read = asyncio.Event()
        self.may_read.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200}
        if scope["path"] in ("/large", "/parts"):
            await send({**start, "headers": [(b"content-type", b"text/plain")]})
            part = b"a" * LARGE if scope["path"] == "/large" else b"part"
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b"end"})
            return
        await self.may_read.wait()
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            more = message["more_body"]
        seen = {
            "path": scope["path"],
            "client": scope["client"][0],
            "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
            "body": body.decode("latin-1"),
        }
        out = json.dumps(seen).encode()
        await send({**start, "headers": [(b"content-length", b"%d" % len(out))]})
        await send({"type": "http.response.body", "body": out})


@pytest.fixture
def app() -> Mirror:
    return Mirror()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("sample", "1.2.3")


@pytest.fixture
async def connect(app: Mirror, metrics: Metrics) -> AsyncIterator[Connect]:
    async with listening(app, Connections(metrics=metrics)) as port:
        yield lambda: connected(port)


async def seen(client: Client) -> dict[str, Any]:
    status, _, body = await client.response()
    assert status == b"HTTP/1.1 200 OK"
    found: dict[str, Any] = json.loads(body)
    return found


async def refusal(client: Client, *parts: bytes) -> dict[str, Any]:
    """Read the problem that ends the connection, and return it."""
    await client.send(*parts)
    response = await client.response()
    assert set(SECURITY_HEADERS) <= {(k.encode(), v.encode()) for k, v in response[1].items()}
    with suppress(ConnectionError):  # the connection is reset if the server had not read everything
        assert await client.rest() == b""
    return problem_of(response)


def counted(metrics: Metrics, status: int) -> float:
    labels = {"method": "(unread)", "route": "(unmatched)", "status": str(status)}
    registry: CollectorRegistry = metrics.registry
    return registry.get_sample_value("http_requests_total", labels) or 0.0


# Trailers


@pytest.mark.parametrize(
    "trailer",
    [
        b"Authorization: Bearer stolen",
        b"Cookie: session=stolen",
        b"Host: evil.example",
        b"X-Forwarded-For: 6.6.6.6",
        b"X-Forwarded-Proto: https",
        b"X-Request-ID: chosen-by-a-trailer",
        b"traceparent: 00-11111111111111111111111111111111-2222222222222222-01",
        b"Content-Type: text/html",
        b"Idempotency-Key: 1",
        b"Expect: 100-continue",
        b"Upgrade: h2c",
        b"X-A: 1\r\nX-B: 2\r\nX-C: 3",
    ],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "byte by byte"])
async def test_trailers_are_not_headers_of_this_request_or_the_next(
    trailer: bytes, at_once: bool, connect: Connect
) -> None:
    requests = CHUNKED + b"3\r\ncat\r\n0\r\n" + trailer + b"\r\n\r\n"
    requests += b"GET /next HTTP/1.1\r\nHost: cats\r\nX-Own: 1\r\n\r\n"
    async with connect() as client:
        if at_once:
            await client.send(requests)
        else:
            await client.send(*(requests[n : n + 1] for n in range(len(requests))))
        first, second = await seen(client), await seen(client)
    assert (first["path"], first["body"]) == ("/cats", "cat")
    assert first["headers"] == [["host", "cats"], ["transfer-encoding", "chunked"]]
    assert second["headers"] == [["host", "cats"], ["x-own", "1"]]


@pytest.mark.parametrize(
    "trailer", [b"Content-Length: 5", b"Content-Length: 0", b"Transfer-Encoding: chunked"]
)
async def test_trailers_that_frame_a_message_are_refused(trailer: bytes, connect: Connect) -> None:
    async with connect() as client:
        problem = await refusal(client, CHUNKED + b"0\r\n" + trailer + b"\r\n\r\n")
    assert (problem["status"], problem["instance"]) == (400, "/cats")


async def test_a_connection_closes_after_a_trailer_connection(connect: Connect) -> None:
    # The parser skips everything after this trailer, so a next request would never get a response.
    async with connect() as client:
        await client.send(CHUNKED + b"0\r\nConnection: close\r\n\r\n")
        assert (await client.response())[0] == b"HTTP/1.1 200 OK"
        assert await client.rest() == b""


# Heads


GET = b"GET / HTTP/1.1\r\nHost: cats\r\n"
POST = b"POST / HTTP/1.1\r\nHost: cats\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET ftp://cats/ HTTP/1.1\r\nHost: cats\r\n\r\n", 400),
        (b"CONNECT cats:443 HTTP/1.1\r\nHost: cats\r\n\r\n", 400),
        ("GET /é HTTP/1.1\r\nHost: cats\r\n\r\n".encode(), 400),
        ("GET /?q=é HTTP/1.1\r\nHost: cats\r\n\r\n".encode(), 400),
        (b"GET /\xff HTTP/1.1\r\nHost: cats\r\n\r\n", 400),
        (b"GET /a#b HTTP/1.1\r\nHost: cats\r\n\r\n", 400),
        (b"GET nowhere HTTP/1.1\r\nHost: cats\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 505),
        (b"GET / HTTP/2.0\r\nHost: cats\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET / HTTP/1.2\r\nHost: cats\r\n\r\n", 400),
        (b"GET / FTP/1.1\r\nHost: cats\r\n\r\n", 400),
        (b"FETCH / HTTP/1.1\r\nHost: cats\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\nHost: cats\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (GET + b"X-Folded: a\r\n b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: cats\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: cats\nX: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : cats\r\n\r\n", 400),
        (GET + b"X: a\0b\r\n\r\n", 400),
        (GET + b": nameless\r\n\r\n", 400),
        (GET + b"X(Y): 1\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
        (POST + b"Content-Length: 1, 1\r\n\r\na", 400),
        (POST + b"Content-Length: +1\r\n\r\na", 400),
        (POST + b"Content-Length: 0x1\r\n\r\na", 400),
        (POST + b"Content-Length: 99999999999999999999\r\n\r\na", 400),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: identity\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nHost: cats\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
    ],
)
async def test_a_malformed_request_is_a_problem(
    request_bytes: bytes, status: int, connect: Connect
) -> None:
    async with connect() as client:
        problem = await refusal(client, request_bytes)
    assert problem["status"] == status
    assert problem["detail"].endswith(".")


async def test_a_refusal_is_counted_and_keeps_the_request_id(
    connect: Connect, metrics: Metrics, logged: Logged
) -> None:
    async with connect() as client:
        problem = await refusal(
            client, b"GET / HTTP/1.1\r\nX-Request-ID: sent-by-the-caller\r\n\r\n"
        )
    assert problem["request_id"] == "sent-by-the-caller"
    assert counted(metrics, 400) == 1
    (line,) = logged()
    assert (line["request_id"], line["status"]) == ("sent-by-the-caller", 400)


@pytest.mark.parametrize(
    ("host", "valid"),
    [
        (b"cats.example.com", True), (b"localhost:8000", True), (b"127.0.0.1:80", True), (b"[::1]:8002", True),
        (b"service_name", True), (b"", False), (b"a b", False), (b"a,b", False), (b"a/b", False), (b"a@b", False),
        (b"a?b", False), (b"a:b", False), (b"a:123456", False), (b"::1", False), (b"[::1", False), (b"a\\b", False),
        (b"<script>", False), ("kätzchen".encode(), False), (b"a" * 254, False), (b"a\tb", False), (b"a#b", False),
    ],
)  # fmt: skip
def test_a_host_is_a_name_or_an_address_with_a_port(host: bytes, valid: bool) -> None:
    with nullcontext() if valid else pytest.raises(MalformedRequest, match="Host"):
        check_head("1.1", b"/", [(b"host", host)])


@pytest.mark.parametrize("target", [b"/x", b"http://cats/x", b"https://other.example:1/x"])
async def test_a_target_may_name_the_host(target: bytes, connect: Connect) -> None:
    async with connect() as client:
        await client.send(b"GET " + target + b" HTTP/1.1\r\nHost: cats\r\n\r\n")
        assert (await seen(client))["path"] == "/x"


async def test_a_malformed_request_after_a_complete_one_closes_the_connection_after_the_response(
    connect: Connect, app: Mirror
) -> None:
    app.may_read.clear()
    async with connect() as client:
        await client.send(GET + b"\r\n" + GET + b"\r\n" + b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        await client.send(GET + b"\r\n")
        app.may_read.set()
        first, second = await client.response(), await client.response()
        assert await client.rest() == b""
    assert first[0] == second[0] == b"HTTP/1.1 200 OK"


async def test_http_1_0_needs_no_host(connect: Connect) -> None:
    async with connect() as client:
        await client.send(b"GET /x HTTP/1.0\r\n\r\n")
        assert (await seen(client))["path"] == "/x"
        assert await client.rest() == b""


_TOKENS = st.sampled_from(
    [b"GET", b"POST", b" ", b"/", b"*", b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\n", b"\r", b"Host: a", b"Host", b":",
     b"Transfer-Encoding: chunked", b"Content-Length: 3", b"\r\n\r\n", b"0", b"abc", b"\xc3\xa9", b"\0", b"\t",
     b"Connection: Upgrade\r\nUpgrade: h2c", b"Expect: 100-continue", b"http://a/", b"?", b"#", b"%"]
)  # fmt: skip


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(parts=[b"GET ", "/é".encode(), b" HTTP/1.1\r\n\r\n"])
@example(parts=[b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b"\0"])
@given(parts=st.lists(_TOKENS | st.binary(min_size=1, max_size=4), min_size=1, max_size=14))
async def test_every_response_to_any_bytes_is_a_problem_or_the_apps(
    parts: list[bytes], logged: Logged
) -> None:
    async with listening(Mirror()) as port, connected(port) as client:
        await client.send(*parts)
        client.writer.write_eof()
        responses = b""
        with suppress(ConnectionError):
            responses = await client.rest()
    for response in re.split(rb"HTTP/1\.1 (?=\d{3} )", responses)[1:]:
        assert response.startswith((b"200", b"100")) or b"application/problem+json" in response
    logged()


async def test_a_response_to_http_1_0_has_no_chunks_and_ends_with_the_connection(
    connect: Connect,
) -> None:
    async with connect() as client:
        await client.send(b"GET /parts HTTP/1.0\r\n\r\n")
        head, _, body = (await client.rest()).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert body == b"partend"


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket", b"TLS/1.0"])
@pytest.mark.parametrize(
    "framed",
    [
        b"Content-Length: 4\r\n\r\ndata",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n0\r\nX-Late: 1\r\n\r\n",
    ],
    ids=["length", "chunked"],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "byte by byte"])
async def test_a_request_for_another_protocol_keeps_its_body_and_the_next_request(
    upgrade: bytes, framed: bytes, at_once: bool, connect: Connect
) -> None:
    head = b"POST /x HTTP/1.1\r\nHost: cats\r\nConnection: Upgrade\r\nUpgrade: " + upgrade + b"\r\n"
    requests = head + framed + b"GET /next HTTP/1.1\r\nHost: cats\r\n\r\n"
    step = len(requests) if at_once else 1
    async with connect() as client:
        await client.send(*(requests[n : n + step] for n in range(0, len(requests), step)))
        first, second = await seen(client), await seen(client)
    assert (first["path"], first["body"]) == ("/x", "data")
    assert "x-late" not in dict(first["headers"])
    assert (second["path"], second["body"]) == ("/next", "")


# Slow bodies


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Require a thousand bytes a second of a body, after the first half second."""
    monkeypatch.setattr(header_limits, "BODY_SECONDS", 0.5)
    monkeypatch.setattr(header_limits, "BODY_BYTES_PER_SECOND", 1000)


SLOW = b"POST /cats HTTP/1.1\r\nHost: cats\r\nContent-Length: 1000000\r\n\r\n"


async def trickle(client: Client, part: bytes) -> None:
    with suppress(ConnectionError):
        while not client.reader.at_eof():
            await client.send(part)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (SLOW, b""),
        (SLOW, b"a"),
        (CHUNKED, b""),
        (CHUNKED, b"1\r\na\r\n"),
        (CHUNKED + b"5;x=", b"a"),
        (CHUNKED + b"0\r\nX-Trailer: ", b"a"),
        (CHUNKED + b"0\r\n", b"X: a\r\n"),
    ],
    ids=["silence", "bytes", "no chunk", "chunks", "head of a chunk", "a trailer", "trailers"],
)
async def test_a_body_has_a_minimum_rate(
    head: bytes, part: bytes, connect: Connect, strict: None, logged: Logged
) -> None:
    async with connect() as client:
        await client.send(head)
        sending = asyncio.create_task(trickle(client, part))
        response = await client.response()
        await sending
    assert response[0] == b"HTTP/1.1 408 Request Timeout"
    problem = problem_of(response)
    assert problem["type"] == "urn:paper:problem:body_too_slow"
    assert problem["instance"] == "/cats"


async def test_a_body_has_a_total_time_at_any_rate(
    connect: Connect, strict: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_limits, "BODY_TOTAL_SECONDS", 1.0)
    async with connect() as client:
        await client.send(CHUNKED)
        sending = asyncio.create_task(trickle(client, b"3e8\r\n" + b"a" * 1000 + b"\r\n"))
        problem = problem_of(await client.response())
        await sending
    assert problem["type"] == "urn:paper:problem:body_too_slow"


async def test_a_body_that_keeps_the_rate_may_take_longer(connect: Connect, strict: None) -> None:
    size = 4000
    loop = asyncio.get_running_loop()
    async with connect() as client:
        await client.send(b"POST /x HTTP/1.1\r\nHost: cats\r\nContent-Length: %d\r\n\r\n" % size)
        began = loop.time()
        for _ in range(8):
            await client.send(b"a" * (size // 8))
            # The body is far ahead of its limit even on a busy machine: 500 bytes add half a second.
            # slow on purpose: the body takes longer than its first half second
            await asyncio.sleep(0.1)
        assert len((await seen(client))["body"]) == size
    assert loop.time() - began > 0.5


@pytest.mark.parametrize("expects", [False, True], ids=["large body", "100-continue"])
async def test_time_that_the_service_does_not_read_does_not_count_for_the_client(
    expects: bool,
    connect: Connect,
    app: Mirror,
    strict: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app.may_read.clear()
    size = 4 if expects else 300_000
    expect = b"Expect: 100-continue\r\n" if expects else b""
    async with connect() as client:
        await client.send(
            b"POST /x HTTP/1.1\r\nHost: cats\r\n%bContent-Length: %d\r\n\r\n" % (expect, size)
        )
        sending = asyncio.create_task(client.send(b"" if expects else b"a" * size))
        # slow on purpose: three times what a body may take
        await asyncio.sleep(1.5)
        # From here on, the client has no time limit in this test, because the machine may be slow.
        monkeypatch.setattr(header_limits, "BODY_SECONDS", DEADLINE_SECONDS)
        app.may_read.set()
        if expects:
            async with asyncio.timeout(DEADLINE_SECONDS):
                assert (
                    await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
                )
            await client.send(b"data")
        await sending
        assert len((await seen(client))["body"]) == size


async def test_the_server_does_not_wait_for_a_body_after_the_response(strict: None) -> None:
    async def answers_at_once(scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]}
        )
        await send({"type": "http.response.body", "body": b""})

    async with listening(answers_at_once) as port, connected(port) as client:
        await client.send(SLOW)
        assert (await client.response())[0] == b"HTTP/1.1 401 Unauthorized"
        sending = asyncio.create_task(trickle(client, b"a"))
        with suppress(ConnectionError):
            assert await client.rest() == b""
        await sending


async def test_a_slow_body_is_one_request_in_metrics_and_log(
    make_app: MakeApp, strict: None, logged: Logged
) -> None:
    service = make_app()
    metrics: Metrics = service.state.context.metrics
    async with listening(service, Connections(metrics=metrics)) as port, connected(port) as client:
        await client.send(
            b"POST /api/v1/sample/things HTTP/1.1\r\nHost: cats\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        problem = problem_of(await client.response())

        labels = {"method": "POST", "route": "/api/v1/sample/things", "status": "408"}

        async def recorded() -> bool:
            return metrics.registry.get_sample_value("http_requests_total", labels) == 1

        await eventually("the request to be counted", recorded)
    assert counted(metrics, 408) == 0
    refused, request = logged()
    assert (refused["status"], request["status"]) == (408, 408)
    assert problem["request_id"] == refused["request_id"] == request["request_id"]


# Slow readers


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_a_client_that_does_not_read_loses_its_connection(
    version: bytes, connect: Connect, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setattr(header_limits, "SENDING_SECONDS", 0.2)
    async with connect() as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(b"GET /large HTTP/" + version + b"\r\nHost: cats\r\n\r\n")

        async def closed() -> bool:
            return "reads too slowly" in str(logged())

        await eventually("the connection to be closed", closed)


async def test_a_client_that_reads_slowly_gets_the_whole_response(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_limits, "SENDING_SECONDS", 1.0)
    async with connect() as client:
        await client.send(b"GET /large HTTP/1.0\r\nHost: cats\r\n\r\n")
        size = 0
        async with asyncio.timeout(DEADLINE_SECONDS):
            while part := await client.reader.read(LARGE // 16):
                size += len(part)
                await asyncio.sleep(0.02)
    assert size > LARGE


# Many connections


async def served_once(client: Client) -> None:
    await client.send(b"GET /x HTTP/1.1\r\nHost: cats\r\n\r\n")
    await seen(client)


TRUSTED = TrustedProxies(parse_networks("127.0.0.1"))


async def test_a_new_connection_replaces_the_connection_that_is_idle_longest(
    app: Mirror,
) -> None:
    connections = Connections(3, trusted=TRUSTED)
    async with listening(app, connections) as port, AsyncExitStack() as stack:
        first, second, third = [await stack.enter_async_context(connected(port)) for _ in range(3)]
        for client in (second, third, first):
            await served_once(client)
        newcomer = await stack.enter_async_context(connected(port))
        await served_once(newcomer)
        assert await second.rest() == b""
        for client in (first, third, newcomer):
            await served_once(client)


async def test_busy_connections_are_kept_and_new_ones_refused(
    app: Mirror, metrics: Metrics, logged: Logged
) -> None:
    app.may_read.clear()
    connections = Connections(2, trusted=TRUSTED, metrics=metrics)
    async with listening(app, connections) as port, AsyncExitStack() as stack:
        at_work = [await stack.enter_async_context(connected(port)) for _ in range(2)]
        for client in at_work:
            await client.send(b"GET /x HTTP/1.1\r\nHost: cats\r\n\r\n")

        async def all_at_work() -> bool:
            return not any(connection.idle_since for connection in connections._networks)

        await eventually("the requests to begin", all_at_work)
        async with connected(port) as newcomer:
            response = await newcomer.response()
        assert response[0] == b"HTTP/1.1 503 Service Unavailable"
        assert response[1]["retry-after"] == "1"
        assert problem_of(response)["type"] == "urn:paper:problem:too_many_connections"
        assert counted(metrics, 503) == 1
        app.may_read.set()
        for client in at_work:
            await seen(client)
        # These connections are idle now.
        async with connected(port) as newcomer:
            await served_once(newcomer)


@pytest.mark.parametrize(("trusted", "fits"), [("10.0.0.0/8", 2), ("127.0.0.1", 4)])
async def test_one_address_has_half_of_the_connections_unless_it_is_a_proxy(
    trusted: str, fits: int, app: Mirror
) -> None:
    app.may_read.clear()
    connections = Connections(4, trusted=TrustedProxies(parse_networks(trusted)))
    async with listening(app, connections) as port, AsyncExitStack() as stack:
        for _ in range(fits):
            client = await stack.enter_async_context(connected(port))
            await client.send(b"GET /x HTTP/1.1\r\nHost: cats\r\n\r\n")

        async def all_at_work() -> bool:
            known = connections._networks
            return len(known) == fits and not any(each.idle_since for each in known)

        await eventually("the requests to begin", all_at_work)
        async with connected(port) as newcomer:
            assert (await newcomer.response())[0] == b"HTTP/1.1 503 Service Unavailable"
        app.may_read.set()


async def test_closed_connections_are_not_counted(app: Mirror) -> None:
    connections = Connections(2, trusted=TRUSTED)
    async with listening(app, connections) as port:
        for _ in range(10):
            async with connected(port) as client:
                await served_once(client)

        async def none_left() -> bool:
            return not connections._networks and not connections._by_network

        await eventually("all connections to be forgotten", none_left)


async def test_an_idle_connection_stays_open_for_the_configured_time(
    service_process: Callable[..., ServiceProcess], tmp_path: Path
) -> None:
    running_package(tmp_path)
    service = service_process("cathouse_running", KEEP_ALIVE_SECONDS="1", MAX_CONNECTIONS="10")
    service.start("serve")
    await service.responds("/response", "first")
    loop = asyncio.get_running_loop()
    async with connected(service.port) as client:
        await client.send(b"GET /response HTTP/1.1\r\nHost: cats\r\n\r\n")
        await client.response()
        answered = loop.time()
        assert await client.rest() == b""
        assert loop.time() - answered > 0.9


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
async def test_on_all_addresses_an_ipv4_proxy_is_trusted_and_logged_as_ipv4(
    service_process: Callable[..., ServiceProcess], tmp_path: Path
) -> None:
    running_package(tmp_path)
    service = service_process("cathouse_running", HOST="::", FORWARDED_ALLOW_IPS="127.0.0.1")
    service.start("serve")
    await service.responds("/response", "first")
    async with service.client() as client:
        await client.get("/response", headers={"X-Forwarded-For": "::ffff:192.0.2.7"})
        await client.get("/response")

    async def logged() -> bool:
        lines = [json.loads(line) for line in service.stdout.splitlines()]
        clients = [line["client"] for line in lines if line["message"] == "request"]
        return clients[-2:] == ["192.0.2.7", "127.0.0.1"]

    # A request is logged after its response is sent.
    await eventually("the lines of both requests", logged)


# Internals of uvicorn that the protocol uses. The newest allowed version is the newest tested one.


def test_uvicorn_has_the_attributes_that_the_protocol_uses() -> None:
    protocol, cycle = httptools_impl.HttpToolsProtocol, httptools_impl.RequestResponseCycle
    for name in (
        "connection_made", "connection_lost", "data_received", "on_message_begin", "on_headers_complete", "on_body",
        "on_message_complete", "on_response_complete", "pause_writing", "resume_writing",
        "timeout_keep_alive_handler", "_unset_keepalive_if_required",
    ):  # fmt: skip
        assert callable(getattr(protocol, name)), name
    assert {"flow", "pipeline", "client", "parser", "headers", "scope", "cycle"} <= set(
        protocol.__init__.__code__.co_names
    )
    assert "url" in protocol.on_message_begin.__code__.co_names
    assert {"disconnected", "message_event", "more_body", "keep_alive", "waiting_for_100_continue",
            "response_started", "response_complete", "chunked_encoding", "expected_content_length"} <= set(
        cycle.__init__.__code__.co_names
    )  # fmt: skip
    assert "read_paused" in flow_control.FlowControl.__init__.__code__.co_names


async def test_services_are_served_by_the_protocol(make_app: MakeApp) -> None:
    from cathouse_kit.server import server_config

    config = server_config(make_app(keep_alive_seconds=9, max_connections=77))
    assert config.timeout_keep_alive == 9
    assert config.http.func is HeadLimitingProtocol  # type: ignore[union-attr]
