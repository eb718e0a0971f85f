"""Malicious raw requests: each is refused, or read in the safe way."""

import asyncio

import pytest

from .support import (
    AMBIGUOUS_PATHS,
    FakePlatform,
    Rows,
    ScriptedCat,
    ended,
    exchange,
    request_bytes,
    status_of,
)

# The bytes that a caller can put into a request's first line: no spaces and no line ends.
ON_THE_WIRE = [
    raw
    for raw in AMBIGUOUS_PATHS
    if not any(byte <= 0x20 or byte >= 0x7F for byte in raw) and b"?" not in raw and b"#" not in raw
]


async def test_ambiguous_paths_are_refused(
    port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    for raw in ON_THE_WIRE:
        answer = await exchange(port, request_bytes(platform, f"GET {platform.path(raw.decode())}"))
        assert status_of(answer) == 400, raw
        assert b"urn:cathouse:problem:request_refused" in answer
    assert cat.requests == []
    assert [(row["outcome"], row["path"]) for row in await rows()] == [
        ("request_refused", f"/{raw.decode()}") for raw in ON_THE_WIRE
    ]


@pytest.mark.parametrize(
    "target",
    [
        b"/api/v1/proxy/%(id)s/tasks/\x01",
        b"/api/v1/proxy/%(id)s/tasks/\xc3\xa9",
        b"/api/v1/proxy/%(id)s/ta\tsks",
        b"//evil.example/api/v1/proxy/%(id)s/tasks",
        b"/api/v1//proxy/%(id)s/tasks",
        b"/api/v1/proxy//%(id)s/tasks",
        b"/api/v1/proxy/x/../%(id)s/tasks",
        b"/api/v1/./proxy/%(id)s/tasks",
        b"*",
    ],
)
async def test_other_malformed_targets_never_reach_the_cat(
    target: bytes, port: int, platform: FakePlatform, cat: ScriptedCat
) -> None:
    line = b"GET " + target % {b"id": str(platform.installation_id).encode()} + b" HTTP/1.1\r\n"
    head = request_bytes(platform, "GET /").partition(b"\r\n")[2]
    answer = await exchange(port, line + head)
    assert 400 <= status_of(answer) < 500
    assert cat.requests == []


@pytest.mark.parametrize("before", ["/api/v1/prox%79/", "/api%2fv1/proxy/", "/api/v1/proxy/%30"])
async def test_an_encoded_prefix_is_refused(
    before: str, port: int, platform: FakePlatform, cat: ScriptedCat
) -> None:
    # %30 is 0, so the id must begin with a 0.
    platform.installation_id = type(platform.installation_id)(
        "0" + str(platform.installation_id)[1:]
    )
    rest = str(platform.installation_id)[1 if before.endswith("%30") else 0 :]
    answer = await exchange(port, request_bytes(platform, f"GET {before}{rest}/tasks"))
    assert status_of(answer) in (400, 404)
    assert cat.requests == []


async def test_the_host_of_an_absolute_target_is_ignored(
    port: int, platform: FakePlatform, cat: ScriptedCat
) -> None:
    async with ScriptedCat().running() as evil:
        target = f"{evil.url}{platform.path()}"
        answer = await exchange(port, request_bytes(platform, f"GET {target}"))
        assert status_of(answer) == 200
        assert evil.requests == []
    # RFC 9112, section 3.2.2: a server must accept this form. The call still goes to this cat.
    assert cat.requests[0].line == "GET /tasks HTTP/1.1"
    assert cat.requests[0].header("host") == f"127.0.0.1:{cat.port}"


@pytest.mark.parametrize(
    "header",
    [
        "X-Evil: a\rX-Injected: 1",
        "X-Evil: a\nX-Injected: 1",
        "X-Evil: a\0b",
        "X Evil: a",
        "X-Evil : a",
        ": a",
        " X-Folded: a",
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: -1",
        "Content-Length: 1x",
        "Content-Length: +1",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Content-Type: text/plain\r\nContent-Type: text/html",
        "Host: another.example",
        "Authorization: Bearer another",
        "X-Cat-Latin: \xe9",
    ],
)
async def test_headers_that_split_or_contradict_are_refused(
    header: str, port: int, platform: FakePlatform, cat: ScriptedCat
) -> None:
    answer = await exchange(
        port,
        request_bytes(
            platform, f"POST {platform.path()}", header, body=b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n"
        ),
    )
    assert status_of(answer) in (400, 401)
    assert all("njected" not in name for request in cat.requests for name, _ in request.headers)
    assert cat.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        ["X-Large: " + "a" * 8001],
        [f"X-{n}: {'a' * 7000}" for n in range(5)],
        [f"X-{n}: a" for n in range(120)],
    ],
)
async def test_large_headers_are_refused(
    headers: list[str], port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    answer = await exchange(port, request_bytes(platform, f"GET {platform.path()}", *headers))
    assert status_of(answer) == 431
    assert cat.requests == []
    assert [row["outcome"] for row in await rows()] == ["headers_too_large"]


async def test_a_long_target_is_refused(
    port: int, platform: FakePlatform, cat: ScriptedCat
) -> None:
    answer = await exchange(port, request_bytes(platform, f"GET {platform.path('a' * 9000)}"))
    assert status_of(answer) == 414
    answer = await exchange(
        port, request_bytes(platform, f"GET {platform.path('tasks?' + 'a' * 9000)}")
    )
    assert status_of(answer) == 414
    assert cat.requests == []


async def test_headers_of_one_connection_are_not_forwarded(
    port: int, platform: FakePlatform, cat: ScriptedCat
) -> None:
    request = request_bytes(
        platform,
        f"POST {platform.path()}",
        "Connection: X-Cat-Named, keep-alive, X_Also, X-Request-ID, Content-Length",
        "X-Cat-Named: 1",
        "X_Also: 1",
        "Keep-Alive: timeout=5",
        "Proxy-Authorization: Basic eA==",
        "Proxy-Connection: keep-alive",
        "TE: trailers",
        "Trailer: X-Late",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAAQAAP__",
        "Content-Length: 4",
        body=b"data",
    )
    assert status_of(await exchange(port, request)) == 200
    [received] = cat.requests
    assert received.body == b"data"
    assert {name.lower() for name, _ in received.headers} == {
        "host",
        "content-length",
        "authorization",
        "x-request-id",
        "traceparent",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-prefix",
    }


async def test_a_request_hidden_in_a_chunked_body_stays_a_body(
    port: int, platform: FakePlatform, cat: ScriptedCat
) -> None:
    hidden = b"GET /admin HTTP/1.1\r\nHost: x\r\n\r\n"
    chunked = b"%x\r\n%s\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n" % (len(hidden), hidden)
    request = request_bytes(
        platform, f"POST {platform.path()}", "Transfer-Encoding: chunked", body=chunked
    )
    assert status_of(await exchange(port, request)) == 200
    [received] = cat.requests
    assert (received.line, received.body) == ("POST /tasks HTTP/1.1", hidden)
    # A trailer must not become a header, of this call or of another.
    assert received.header("x-forwarded-for") == "127.0.0.1"


@pytest.mark.parametrize("version", ["13", None])
async def test_a_websocket_is_refused_clearly(
    version: str | None, port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    headers = [
        "Connection: Upgrade",
        "Upgrade: WebSocket",
        "Sec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA==",
    ]
    if version:
        headers.append(f"Sec-WebSocket-Version: {version}")
    answer = await exchange(port, request_bytes(platform, f"GET {platform.path()}", *headers))
    assert status_of(answer) == 400
    assert b"does not forward WebSockets" in answer
    assert cat.requests == []
    assert [row["outcome"] for row in await rows()] == ["request_refused"]


async def test_each_request_on_one_connection_is_checked(
    port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    allowed = request_bytes(platform, f"GET {platform.path()}")
    refused = request_bytes(platform, f"GET {platform.path('admin')}", "Connection: close")
    answer = await exchange(port, allowed + refused, until_closed=True)
    assert (status_of(answer), answer.count(b"HTTP/1.1 403")) == (200, 1)
    assert [request.line for request in cat.requests] == ["GET /tasks HTTP/1.1"]
    assert [row["status"] for row in await rows()] == [200, 403]


async def test_a_caller_who_leaves_before_the_response_ends_the_call(
    port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    left = asyncio.Event()

    async def wait(
        _: ScriptedCat, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer_of_caller.close()
        assert await reader.read() == b""  # the proxy closes the connection
        left.set()

    cat.script = wait
    _, writer_of_caller = await asyncio.open_connection("127.0.0.1", port)
    writer_of_caller.write(request_bytes(platform, f"GET {platform.path()}"))
    async with asyncio.timeout(5):
        await left.wait()
    [row] = await ended(rows)
    assert (row["status"], row["outcome"]) == (None, "caller_left")


async def test_a_caller_who_leaves_in_the_middle_of_a_body_ends_the_call(
    port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    broken_off = asyncio.Event()

    async def wait(
        _: ScriptedCat, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(4)
        writer_of_caller.close()
        assert await reader.read() == b""
        broken_off.set()

    cat.script = wait
    _, writer_of_caller = await asyncio.open_connection("127.0.0.1", port)
    writer_of_caller.write(
        request_bytes(platform, f"POST {platform.path()}", "Content-Length: 100", body=b"data")
    )
    async with asyncio.timeout(5):
        await broken_off.wait()
    [row] = await ended(rows)
    assert (row["status"], row["outcome"]) == (None, "caller_left")
