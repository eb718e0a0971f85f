"""No address in a cat's headers leads a client to the platform, in any spelling and for any parser."""

from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from cathouse_proxy.services.exchange.links import MAX_LINKS, LinkRewriter, Platform
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from .support import FakePlatform, ScriptedCat

PROXY = "/api/v1/proxy/0197"
SERVICES = ("http://127.0.0.1:8003", "http://auth:8005", "not a URL", "https://catalog.internal")


def rewriter(
    *hosts: str, endpoint: str = "https://cat.example/base", query: str = ""
) -> LinkRewriter:
    return LinkRewriter(
        endpoint_url=endpoint,
        path="/tasks/7",
        query=query,
        prefix=PROXY,
        platform=Platform.of(*SERVICES).as_reached(hosts or ("cathouse.example",)),
    )


HOST = "cathouse.example"
# Spellings that clients read as this host. They are computed, because a platform of another name has another host.
DISGUISED = [
    f"%{ord(HOST[0]):02x}{HOST[1:]}",
    f"{HOST[0]}%{ord(HOST[1]):02x}{HOST[2:].replace('.', '%2E')}",
    f"{HOST[:2]}\u00ad{HOST[2:]}",
    f"{''.join(chr(ord(letter) + 0xFEE0) for letter in HOST[:4])}{HOST[4:]}",
    f"{chr(ord(HOST[0]) - ord('a') + 0x24D0)}{HOST[1:]}",
    f"{HOST[:3]}\t{HOST[3:]}",
]
PLATFORM = [
    *(f"http://{host}/x" for host in DISGUISED),
    "http://cathouse.example/",
    "https://cathouse.example/api/v1/installations/1/scopes",
    "http://cathouse.example:8003/x",
    "//cathouse.example/x",
    "///cathouse.example/x",
    "/\\cathouse.example/x",
    "\\/cathouse.example/x",
    "\\\\cathouse.example/x",
    "/\t/cathouse.example/x",
    "http:/cathouse.example/x",
    "http:cathouse.example/x",
    "https:///cathouse.example/x",
    "http:\\\\cathouse.example\\x",
    "http://cathouse.example\\@evil.example/x",
    "http://evil.example@cathouse.example/x",
    "http://evil.example:80@cathouse.example/x",
    "http://@cathouse.example/x",
    "HTTP://CATHOUSE.EXAMPLE/x",
    "http://cathouse..example/x",
    "http://cathouse.example../x",
    "http://%E3%80%82cathouse.example/x",
    "http://cathouse.example./x",
    "http://cathouse\u3002example/x",
    "http://cathouse\uff0eexample/x",
    "h\tttp://cathouse.example/x",
    "\t http://cathouse.example/x \t",
    "http://cathouse.example:/x",
    "http://cathouse.example:000080/x",
    "http://cathouse.example?x",
    "http://cathouse.example#@evil.example",
    # Loopback, the address of installation.
    "http://127.0.0.1:8003/x",
    "http://localhost:8003/x",
    "http://LOCALHOST.:8003/x",
    "http://any.localhost:8003/x",
    "http://%6cocalhost:8003/x",
    "http://127.1:8003/x",
    "http://127.9.9.9:8003/x",
    "http://2130706433:8003/x",
    "http://0x7f000001:8003/x",
    "http://0x7f.1:8003/x",
    "http://0177.0.0.1:8003/x",
    "http://017700000001:8003/x",
    "http://127.0.0.1.:8003/x",
    "http://\uff11\uff12\uff17.0.0.1:8003/x",
    "http://\u2460\u2461\u2466.0.0.1:8003/x",
    "http://127\u30020\u30020\u30021:8003/x",
    "http://0.0.0.0:8003/x",
    "http://0:8003/x",
    "http://[::1]:8003/x",
    "http://[0:0:0:0:0:0:0:1]:8003/x",
    "http://[::ffff:127.0.0.1]:8003/x",
    "http://[::ffff:7f00:1]:8003/x",
    "http://[::]:8003/x",
    "http://auth:8005/x",
    "https://AUTH:8005/x",
    "http://catalog.internal/x",
]
BROKEN = [
    "http://",
    "http:///",
    "http://[::1",
    "http://[::1]x/",
    "http://cat.example:65536/",
    "http://cat.example:x/",
    "http://ex ample/",
    "http://a%00b/",
    "http://a<b/",
    "http://xn--zz--a/",
    "http://256.1.1.1/",
    "http://1.2.3.4.5/",
    "//",
    "http://%zz/",
    "javascript:alert(1)",
    "data:text/html,<script>",
    "file:///etc/passwd",
    "ftp://cathouse.example/",
    "ws://cathouse.example/",
    "blob:http://cathouse.example/x",
    "view-source:http://cathouse.example/",
    "tasks:7",
]


@pytest.mark.parametrize("value", [*PLATFORM, *BROKEN])
def test_platform_and_invalid_addresses_are_removed(value: str) -> None:
    assert rewriter().address(value.encode()) is None
    assert rewriter().links(f"<{value}>; rel=next".encode()) is None


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8004",
        "127.0.0.1:8004",
        "[::1]:8004",
        "LOCALHOST:8004",
        "127.0.0.1:8000",
        "0.0.0.0",
    ],
)
@pytest.mark.parametrize("other", ["localhost", "127.0.0.1", "[::1]", "127.1", "%6cocalhost"])
@pytest.mark.parametrize("port", [80, 443, 8000, 8001, 8004, 9999])
def test_every_port_of_the_called_host_belongs_to_the_platform(
    host: str, other: str, port: int
) -> None:
    assert rewriter(host).address(f"http://{other}:{port}/x".encode()) is None


def test_the_port_of_a_cat_on_the_same_host_is_allowed() -> None:
    same = rewriter("localhost:8004", endpoint="http://127.0.0.1:9000/base")
    assert same.address(b"/login") == b"http://127.0.0.1:9000/login"
    assert same.address(b"http://localhost:9000/login") == b"http://localhost:9000/login"
    assert same.address(b"http://localhost:9001/login") is None
    pretender = rewriter("localhost:8004", endpoint="http://127.0.0.1:8004/base")
    assert pretender.address(b"/login") is None
    assert pretender.address(b"http://localhost:8004/login") is None


def test_hosts_of_a_reverse_proxy_belong_to_the_platform() -> None:
    behind = rewriter("proxy:8004", "cathouse.example", "other.example:8443", "", "nonsense//")
    for host in ("proxy:8004", "cathouse.example", "other.example", "other.example:1"):
        assert behind.address(f"http://{host}/".encode()) is None
    assert behind.address(b"http://evil.example/") == b"http://evil.example/"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://cat.example/base/x", f"{PROXY}/x"),
        ("HTTPS://CAT.example:443/base/x", f"{PROXY}/x"),
        ("https://cat.example/base/./y/../x", f"{PROXY}/x"),
        ("https://%63at.example/base", f"{PROXY}/"),
        ("8", f"{PROXY}/tasks/8"),
        ("../x?a=b#c", f"{PROXY}/x?a=b#c"),
        ("?page=2", f"{PROXY}/tasks/7?page=2"),
        ("#part", f"{PROXY}/tasks/7?q=1#part"),
        ("", f"{PROXY}/tasks/7?q=1"),
        ("\\base\\x", f"{PROXY}/x"),
        ("x y", f"{PROXY}/tasks/x%20y"),
        ("/base;x/y", "https://cat.example/base;x/y"),
        ("/basement", "https://cat.example/basement"),
        ("../../..", "https://cat.example/"),
        ("/base/..%2f..%2fx", "https://cat.example/base/..%2f..%2fx"),
        ("/base//x", "https://cat.example/base//x"),
        ("http://cat.example/base/x", "http://cat.example/base/x"),
        ("//evil.example/x", "https://evil.example/x"),
        ("http:\\\\evil.example\\x", "http://evil.example/x"),
        ("http://\u00e9vil.example/\u00e9", "http://xn--vil-9la.example/%C3%A9"),
        ("http://notcathouse.example/", "http://notcathouse.example/"),
        ("http://cathouse.example.evil.example/", "http://cathouse.example.evil.example/"),
        ("mailto:cat@example.com", "mailto:cat@example.com"),
    ],
)
def test_other_addresses_keep_their_meaning(value: str, expected: str) -> None:
    assert rewriter(query="q=1").address(value.encode()) == expected.encode()


def test_an_endpoint_without_a_path_includes_every_path() -> None:
    root = rewriter(endpoint="https://cat.example")
    assert root.address(b"/x") == f"{PROXY}/x".encode()
    assert root.address(b"/") == f"{PROXY}/".encode()


def test_addresses_are_removed_if_not_utf_8_or_the_endpoint_is_invalid() -> None:
    assert rewriter().address(b"/\xff") is None
    assert rewriter(endpoint="nonsense").address(b"/x") is None
    assert rewriter(endpoint="nonsense").address(b"http://evil.example/") is None


PIECES = st.sampled_from(
    [
        *(
            "http",
            "https",
            "HTTP",
            ":",
            "://",
            "/",
            "//",
            "\\",
            "@",
            "?",
            "#",
            ".",
            "..",
            "%2e",
            "%2f",
        ),
        *(
            "cathouse.example",
            "CATHOUSE.example",
            DISGUISED[0],
            "cat.example",
            "evil.example",
        ),
        *(
            "localhost",
            "127.0.0.1",
            "127.1",
            "[::1]",
            "auth",
            ":8003",
            ":8005",
            ":80",
            ":443",
            ":1",
        ),
        *(
            "base",
            "x",
            "\t",
            " ",
            ";",
            "\u3002",
            "\uff0e",
            "\u00ad",
            "\u00e9",
            "%00",
            "%25",
            "\x01",
        ),
    ]
)


@given(st.lists(PIECES, max_size=8).map("".join))
@example("://?\\")
@example("https://other.example/x?a\\b#c\\d")
def test_every_parser_reads_the_result_as_the_cat_or_outside_the_platform(value: str) -> None:
    sent = rewriter().address(value.encode())
    if sent is None:
        return
    text = sent.decode("ascii")
    assert text.isprintable()
    assert not set(text) & set(' \\"<>')
    if text.startswith("/"):
        assert text.partition("?")[0].partition("#")[0].startswith(PROXY)
        path = urlsplit(urljoin("http://cathouse.example/api/v1/proxy/0197/tasks", text)).path
        assert path == PROXY or path.startswith(f"{PROXY}/")
        return
    # Three other parsers agree about the host.
    readings = (urlsplit(text).hostname, URL(text).raw_host, httpx.URL(text).raw_host.decode())
    [host] = {(reading or "").strip("[]") for reading in readings}
    assert host.removesuffix(".") not in ("cathouse.example", "auth")
    if host in ("localhost", "127.0.0.1", "::1"):
        assert urlsplit(text).port != 8003
    assert urlsplit(text).username is None
    # Rewriting the result again does not change it.
    assert rewriter().address(sent) == sent


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("</base/x>; rel=next", f"<{PROXY}/x>; rel=next"),
        (
            '<?page=2>; rel="next"; title="Two, or; more"',
            f'<{PROXY}/tasks/7?page=2>; rel="next"; title="Two, or; more"',
        ),
        (
            '</base/a,b;c>; rel="NEXT last" , <https://evil.example/>;rel=prev',
            f'<{PROXY}/a,b;c>; rel="NEXT last", <https://evil.example/>; rel=prev',
        ),
        ("</base/x>; rel=next, <http://cathouse.example/>; rel=prev", f"<{PROXY}/x>; rel=next"),
        ("</base/x>; rel=next; rel=preload", f"<{PROXY}/x>; rel=next"),
        (
            "</base/x>; rel=next; nopush; foo=bar; hreflang=de",
            f"<{PROXY}/x>; rel=next; hreflang=de",
        ),
        (", </base/x>;\trel = next,,", f"<{PROXY}/x>; rel=next"),
        # Relations that browsers and pushing servers act on; another context; no relation.
        ("</base/x>; rel=preload; as=script", None),
        ('</base/x>; rel="next preload"', None),
        ("<https://evil.example>; rel=preconnect", None),
        ("</base/x>; rel=stylesheet", None),
        ('</base/x>; rel=next; anchor="http://cathouse.example/"', None),
        ("</base/x>; rev=next", None),
        ("</base/x>", None),
        # Values that cannot be parsed are removed as a whole.
        ("</base/x>; rel=next, nonsense", None),
        ('</base/x>; rel="next', None),
        ("</base/x; rel=next", None),
        ("</base/x>; rel=next </base/y>; rel=prev", None),
        ("</base/x> rel=next", None),
        ("</base/<x>>; rel=next", None),
        ("</base/\u00e9>; rel=next", None),
        ("", None),
        (", ".join(["</base/x>; rel=next"] * (MAX_LINKS + 1)), None),
    ],
)
def test_links_are_rewritten_one_by_one(value: str, expected: str | None) -> None:
    assert rewriter().links(value.encode()) == (expected and expected.encode())


@given(st.text(alphabet='<>;,="\\ \trelnxtap/:.', max_size=200))
def test_any_link_field_is_read_in_time_and_written_in_one_form(value: str) -> None:
    sent = rewriter().links(value.encode())
    assert sent is None or rewriter(endpoint="https://none.example/").links(sent) is not None


@pytest.mark.parametrize(
    "value", ["<" * 8000, "<>;" * 2600, '<x>;a="' + "\\" * 7900, "<x>" + ";a=b" * 1900 + "!"]
)
def test_a_malicious_link_field_is_parsed_in_time(value: str) -> None:
    # pytest's timeout ends this test if the time grows with the square of the length, or faster.
    assert [rewriter().links(value.encode()) for _ in range(20)] == [None] * 20


FOLLOWED = ["Location", "Content-Location"]
DROPPED = [
    "Refresh",
    "SourceMap",
    "X-SourceMap",
    "Alt-Svc",
    "Report-To",
    "Reporting-Endpoints",
    "NEL",
    "Content-Security-Policy-Report-Only",
    "Speculation-Rules",
    "Use-As-Dictionary",
    "Attribution-Reporting-Register-Source",
    "WWW-Authenticate",
    "URI",
    "X-Pingback",
    "X-Cat_Own",
    "Set-Login",
    "Login-Status",
    "Accept-CH",
    "Critical-CH",
    "Activate-Storage-Access",
    "Service-Worker-Navigation-Preload",
    "X-Frame-Options",
    "Cross-Origin-Opener-Policy",
    "Permissions-Policy",
    "Timing-Allow-Origin",
    "Proxy-Status",
]


@pytest.mark.parametrize("status", [200, 201, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("value", ["http://%6cocalhost:{port}/x", "http://host\\@evil.example/x"])
async def test_a_redirect_to_the_platform_loses_its_address_over_http(
    status: int, value: str, client: httpx.AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    value = value.format(port=8003)
    fields = "".join(f"{name}: {value}\r\n" for name in FOLLOWED)
    cat.answer = f"HTTP/1.1 {status} X\r\n{fields}Content-Length: 0\r\n\r\n".encode()
    response = await client.put(platform.path(), headers={"Host": "host"})
    assert response.status_code == status
    assert not {name.lower() for name in FOLLOWED} & set(response.headers)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "cathouse.example"),
        ("X-Forwarded-Host", "inner.example, cathouse.example:8443"),
        ("Forwarded", "for=192.0.2.1;host=cathouse.example;proto=https"),
        ("Forwarded", 'for=192.0.2.1, for="[2001:db8::1]";Host="cathouse.example:443"'),
    ],
)
async def test_links_to_the_host_by_which_the_platform_was_reached_are_removed(
    name: str, value: str, client: httpx.AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    location = "Location: https://cathouse.example/api/v1/auth/me\r\n"
    cat.answer = f"HTTP/1.1 307 X\r\n{location}Content-Length: 0\r\n\r\n".encode()
    response = await client.get(platform.path(), headers={name: value})
    assert response.status_code == 307
    assert "location" not in response.headers


async def test_no_other_header_that_a_client_may_follow_is_forwarded(
    client: httpx.AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    fields = "".join(f"{name}: /api/v1/auth/me\r\n" for name in DROPPED)
    cat.answer = f"HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n".encode()
    response = await client.get(platform.path())
    assert {name.lower() for name in DROPPED} & set(response.headers) <= {"x-cat_own"}
    assert b"/api/v1/auth/me" not in b"".join(
        value for name, value in response.headers.raw if name.lower() != b"x-cat_own"
    )
