"""Forwarded headers in both directions."""

import pytest
from httpx import AsyncClient

from .support import FakePlatform, ScriptedCat


async def test_a_cat_gets_the_callers_headers_and_the_proxys_own(
    client: AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    sent = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
        ("Accept-Language", "de, en;q=0.5"),
        ("If-None-Match", '"7"'),
        ("X-Cat-Own", "one"),
        ("X-Cat-Own", "two"),
        ("X-Cat-Utf8", "Grüße"),
        ("Cookie", "session=secret"),
        ("X-Request-ID", "a-request-of-mine"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "vendor=1"),
        ("Forwarded", "for=6.6.6.6"),
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-Host", "evil.example"),
        ("X_Forwarded_For", "6.6.6.6"),
        ("X-Forwarded-Anything", "6.6.6.6"),
        ("X-Real-IP", "6.6.6.6"),
        ("Via", "1.1 elsewhere"),
    ]
    await client.post(
        platform.path(),
        content=b'{"title":"x"}',
        headers=[(name.encode(), value.encode()) for name, value in sent],
    )
    [request] = cat.requests
    assert request.body == b'{"title":"x"}'
    assert [value for name, value in request.headers if name == "x-cat-own"] == ["one", "two"]
    headers = {name.lower(): value for name, value in request.headers}
    assert headers.pop("authorization").startswith("Bearer eyJ")
    trace = headers.pop("traceparent").split("-")
    assert (trace[1], trace[3]) == ("0af7651916cd43dd8448eb211c80319c", "01")
    assert trace[2] != "b7ad6b7169203331"
    assert headers.pop("x-cat-own")
    assert headers == {
        "host": f"127.0.0.1:{cat.port}",
        "content-length": "13",
        "content-type": "application/json",
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "accept-language": "de, en;q=0.5",
        "user-agent": client.headers["user-agent"],
        "if-none-match": '"7"',
        "x-cat-utf8": "Grüße".encode().decode("latin-1"),
        "x-request-id": "a-request-of-mine",
        "tracestate": "vendor=1",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-host": "cathouse.test",
        "x-forwarded-proto": "http",
        "x-forwarded-prefix": f"/api/v1/proxy/{platform.installation_id}",
    }


@pytest.mark.parametrize(
    "name",
    [
        "X-HTTP-Method",
        "X-HTTP-Method-Override",
        "X_HTTP_METHOD_OVERRIDE",
        "X-Method-Override",
        "X-Original-Method",
        "X-Original-Host",
        "X-Original-URI",
        "X-Original-URL",
        "X-Override-URL",
        "X-Rewrite-URI",
        "X-Rewrite-URL",
        "X-Script-Name",
        "Script-Name",
        "SCRIPT_NAME",
        "PATH_INFO",
        "X-Sendfile-Type",
        "X-Accel-Mapping",
    ],
)
async def test_no_header_overrides_the_call_that_was_checked(
    name: str, client: AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    response = await client.get(platform.path(), headers={name: "DELETE", "X-Cat-Own": "one"})
    assert response.status_code == 200
    [request] = cat.requests
    assert (request.header(name), request.header("x-cat-own")) == (None, "one")


async def test_a_caller_gets_no_header_that_controls_the_origin_or_a_server(
    client: AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    cat.answer = (
        b"HTTP/1.1 201 Made\r\n"
        b'Content-Type: text/html; charset=utf-8\r\nContent-Length: 2\r\nETag: "7"\r\n'
        b"Cache-Control: max-age=5\r\nContent-Encoding: br\r\nRetry-After: 7\r\n"
        b"Link: <a>; rel=next\r\nLink: <b>; rel=prev\r\nX-Cat-Own: \xc3\xbc\r\nX-Own: 1\r\n"
        b"Set-Cookie: session=evil; Path=/\r\nSet-Cookie: b=c\r\nServer: cat/1.0\r\n"
        b'Date: Mon, 01 Jan 2001 00:00:00 GMT\r\nAlt-Svc: h2="evil.example:443"\r\n'
        b'Strict-Transport-Security: max-age=999\r\nClear-Site-Data: "*"\r\n'
        b"Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\n"
        b"Service-Worker-Allowed: /\r\nRefresh: 0; url=http://evil.example\r\n"
        b"Content-Security-Policy: default-src *\r\nX-Request-ID: of-the-cat-itself\r\n"
        b"Connection: X-Cat-Hop, keep-alive\r\nX-Cat-Hop: 1\r\nKeep-Alive: timeout=9\r\n"
        b"Proxy-Authenticate: Basic\r\nTrailer: X-Late\r\nUpgrade: h2c\r\n"
        b"X-Accel-Redirect: /metrics\r\nX-Accel-Buffering: no\r\nX-Sendfile: /etc/passwd\r\n"
        b"X-SendFile2: /etc/passwd 0-\r\nX-LIGHTTPD-send-file: /etc/passwd\r\n"
        b"X-LiteSpeed-Location: /metrics\r\nX-Reproxy-URL: http://127.0.0.1/metrics\r\n\r\nok"
    )
    response = await client.post(platform.path(), headers={"X-Request-ID": "a-request-of-mine"})
    assert (response.status_code, response.content) == (201, b"ok")
    headers = [
        (name.decode(), value.decode())
        for name, value in response.headers.raw
        if not name.startswith(b"ratelimit-")
    ]
    assert headers == [
        ("content-type", "text/html; charset=utf-8"),
        ("etag", '"7"'),
        ("content-encoding", "br"),
        ("retry-after", "7"),
        ("link", f"<{platform.path('a')}>; rel=next"),
        ("link", f"<{platform.path('b')}>; rel=prev"),
        ("x-cat-own", "ü"),
        ("cache-control", "private, max-age=5"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; frame-ancestors 'none'"),
        ("content-length", "2"),
        ("referrer-policy", "no-referrer"),
        ("x-request-id", "a-request-of-mine"),
    ]


@pytest.mark.parametrize(
    ("location", "rewritten"),
    [
        ("{endpoint}/tasks/7", "{proxy}/tasks/7"),
        ("/base/tasks/7?x=1#y", "{proxy}/tasks/7?x=1#y"),
        ("7", "{proxy}/7"),
        ("./tasks/7", "{proxy}/tasks/7"),
        ("/base/caf\u00e9?q=\u00fc", "{proxy}/caf%C3%A9?q=%C3%BC"),
        ("", "{proxy}/tasks"),
        ("../elsewhere", "{cat}/elsewhere"),
        ("{endpoint}", "{proxy}/"),
        ("{endpoint}evil/tasks", "{endpoint}evil/tasks"),
        ("{endpoint}?x=1", "{proxy}/?x=1"),
        ("/login", "{cat}/login"),
        ("/api/v1/proxy/audit", "{cat}/api/v1/proxy/audit"),
        # Dots by which a client would leave the installation.
        ("{endpoint}/../../audit", "{cat}/audit"),
        ("%2e%2e/audit", "{cat}/audit"),
        ("{endpoint}/..%5caudit", "{endpoint}/..%5caudit"),
        ("..\\audit", "{cat}/audit"),
        ("https://example.com/x", "https://example.com/x"),
        ("//example.com/x", "http://example.com/x"),
        ("mailto:cat@example.com", "mailto:cat@example.com"),
        # Addresses that clients read in different ways.
        ("http://[::1", None),
        ("//[::1/login", None),
        ("https:/login", None),
        ("https:login", None),
        # The platform at the address that the caller used.
        ("http://cathouse.test/api/v1/auth/me", None),
        ("https://CATHOUSE.test:443/api/v1/auth/me", None),
        ("//x@cathouse.test/api/v1/auth/me", None),
        # The gateway and the services listen on several ports of a host.
        ("http://cathouse.test:8080/", None),
        ("http://cathouse.example:8080/", "http://cathouse.example:8080/"),
    ],
)
@pytest.mark.parametrize("header", ["Location", "Content-Location"])
async def test_addresses_are_rewritten_and_none_leads_to_the_platform(
    header: str,
    location: str,
    rewritten: str | None,
    client: AsyncClient,
    platform: FakePlatform,
    cat: ScriptedCat,
) -> None:
    platform.endpoint_url = f"{cat.url}/base"
    names = {
        "cat": cat.url,
        "endpoint": platform.endpoint_url,
        "proxy": f"/api/v1/proxy/{platform.installation_id}",
    }
    cat.answer = (
        f"HTTP/1.1 201 Made\r\n{header}: {location.format(**names)}\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    response = await client.post(platform.path())
    assert cat.requests[0].line == "POST /base/tasks HTTP/1.1"
    assert response.headers.get(header) == (rewritten and rewritten.format(**names))


@pytest.mark.parametrize(
    ("method", "answer", "status", "length"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 7000000\r\n\r\n", 200, "7000000"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, None),
        ("GET", b"HTTP/1.1 304 Same\r\nContent-Length: 70\r\nETag: x\r\n\r\n", 304, None),
        ("GET", b"HTTP/1.1 204 None\r\n\r\n", 204, None),
        ("GET", b"HTTP/1.1 204 None\r\nContent-Length: 5\r\n\r\n", 204, None),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "0"),
        (
            "GET",
            b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            200,
            "0",
        ),
        ("GET", b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "0"),
    ],
)
async def test_responses_without_a_body(
    method: str,
    answer: bytes,
    status: int,
    length: str | None,
    client: AsyncClient,
    platform: FakePlatform,
    cat: ScriptedCat,
) -> None:
    cat.answer = answer
    response = await client.request(method, platform.path())
    assert (response.status_code, response.content) == (status, b"")
    assert response.headers.get("content-length") == length
    assert "link" not in response.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_reaches_the_cat(
    method: str, client: AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    path = "tasks/7" if method in ("PATCH", "DELETE") else "tasks"
    response = await client.request(method, platform.path(path))
    assert response.status_code == 200
    assert cat.requests[0].line == f"{method} /{path} HTTP/1.1"
    expected = None if method in ("GET", "HEAD", "OPTIONS") else "0"
    assert cat.requests[0].header("content-length") == expected


async def test_the_path_that_was_checked_is_the_path_that_is_sent(
    client: AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    await client.delete(platform.path("t%61sks/caf%c3%a9%20%7E?q=%2e%2E/../&r=[1]"))
    assert cat.requests[0].line == "DELETE /tasks/caf%C3%A9%20~?q=%2e%2E/../&r=[1] HTTP/1.1"
