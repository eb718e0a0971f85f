"""Which headers pass, and in what form: those on two lists, and a cat's own, whose names begin with `X-Cat-`.

A list of headers that do not pass would have to know what every browser, framework and reverse proxy takes as an order.
What frames a message, belongs to one connection, or says who someone is, the proxy makes itself.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from multidict import CIMultiDict

from cathouse_proxy.services.call import PREFIX, Call, ProxiedRequest
from cathouse_proxy.services.errors import CatAnswerBroken, HeadersTooLarge, RequestRefused
from cathouse_proxy.services.exchange.caching import private_cache_control
from cathouse_proxy.services.exchange.links import LinkRewriter, Platform

RawHeaders = Iterable[tuple[bytes, bytes]]

MAX_HEADERS = 100
MAX_HEADER_BYTES = 8000
MAX_HEADERS_BYTES = 32_000

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(rb"[A-Za-z0-9._:\[\]-]{1,255}")
_FORWARDED_HOST = re.compile(rb'\bhost="?([^",;\s]+)', re.IGNORECASE)  # RFC 7239, section 5.3
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

_OWN_PREFIX = b"x-cat-"
# What a caller says about the body, the wanted response, and the condition on it. None of these makes another method,
# host or path of the request than those for which the scope was checked, as X-HTTP-Method-Override would.
_TO_CAT = frozenset(
    b"accept accept-charset accept-encoding accept-language cache-control content-digest content-disposition "
    b"content-encoding content-language content-range content-type idempotency-key if-match if-modified-since "
    b"if-none-match if-range if-unmodified-since last-event-id pragma prefer priority range repr-digest save-data "
    b"user-agent want-content-digest want-repr-digest x-requested-with".split()
)
# What a cat says about this response alone. All cats respond from the platform's one origin: none may set what a
# browser keeps for all of it, make it send another request, or give an order to a reverse proxy, as X-Accel-Redirect.
_TO_CALLER = frozenset(
    b"accept-patch accept-post accept-ranges age allow content-digest content-disposition content-encoding "
    b"content-language content-range content-type deprecation etag expires idempotency-key last-modified "
    b"preference-applied repr-digest retry-after sunset vary x-next-page x-page x-per-page x-prev-page x-total "
    b"x-total-count x-total-pages".split()
)
_ADDRESSES = frozenset((b"location", b"content-location"))
_ONCE = frozenset(b"authorization content-length content-type host transfer-encoding".split())


def check_request_headers(headers: RawHeaders) -> None:
    """Raises `HeadersTooLarge`, and `RequestRefused` for what is there twice and may be there once, or asks for another
    protocol."""
    seen: set[bytes] = set()
    total = 0
    for count, (name, value) in enumerate(headers, start=1):
        size = len(name) + len(value)
        total += size
        if count > MAX_HEADERS or size > MAX_HEADER_BYTES or total > MAX_HEADERS_BYTES:
            raise HeadersTooLarge
        if name in _ONCE:
            if name in seen:
                raise RequestRefused(f"The header {name.decode('ascii')} is there more than once.")
            seen.add(name)
        if name == b"upgrade" and b"websocket" in value.lower():
            raise RequestRefused("WebSockets are not passed on; use plain HTTP requests.")


def headers_to_cat(call: Call, token: str) -> CIMultiDict[str]:
    """Return the headers of the request to the cat: the caller's that may pass, then the proxy's own.

    `token` says who calls. Raises `RequestRefused` for a value that is not text.
    """
    request = call.request
    headers = request.headers
    of_connection = _named_in_connection(headers)
    passed = CIMultiDict[str]()
    for name, value in headers:
        if not (name in _TO_CAT or name.startswith(_OWN_PREFIX)) or name in of_connection:
            continue
        if _CONTROL.search(value):
            raise RequestRefused("A header has control characters in its value.")
        try:
            passed.add(name.decode("ascii"), value.decode())
        except UnicodeDecodeError as error:
            raise RequestRefused("A header's value is not UTF-8.") from error
    passed["Authorization"] = f"Bearer {token}"
    passed.update(call.context.headers())
    # What a reverse proxy tells of the request that it received.
    passed["X-Forwarded-Proto"] = request.scheme
    passed["X-Forwarded-Prefix"] = request.prefix
    if request.client:
        passed["X-Forwarded-For"] = request.client
    if host := _host(request):
        passed["X-Forwarded-Host"] = host
    if request.has_body and request.announced_bytes is not None:
        passed["Content-Length"] = str(request.announced_bytes)
    return passed


def check_answer_headers(headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Raises `CatAnswerBroken` for more headers than a request may have, and where it could be argued where the answer
    ends (RFC 9112, section 6.3)."""
    size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > MAX_HEADERS or size > MAX_HEADERS_BYTES:
        raise CatAnswerBroken("The cat's answer has too many headers.")
    lengths = [value.strip() for name, value in headers if name.lower() == b"content-length"]
    codings = [value.strip() for name, value in headers if name.lower() == b"transfer-encoding"]
    if len(lengths) > 1 or (lengths and codings) or not all(map(bytes.isdigit, lengths)):
        raise CatAnswerBroken("The cat's answer gives its length in more than one way.")
    if codings and [coding.lower() for coding in codings] != [b"chunked"]:
        raise CatAnswerBroken("The cat's answer has a transfer coding that is not understood.")


def headers_to_caller(
    call: Call, headers: RawHeaders, platform: Platform
) -> list[tuple[bytes, bytes]]:
    """Return the headers of the response to the caller, without its length: those of the cat that may pass, then the
    proxy's own.

    Raises `CatAnswerBroken` for what is no header.
    """
    headers = [(_field_name(name), value) for name, value in headers]
    of_connection = _named_in_connection(headers)
    passed: list[tuple[bytes, bytes]] = []
    caching: list[bytes] = []
    for name, value in headers:
        if not name or _CONTROL.search(value):
            raise CatAnswerBroken("The cat's answer has a header with forbidden characters.")
        if name in of_connection:
            continue
        if name in _TO_CALLER or name.startswith(_OWN_PREFIX):
            passed.append((name, value))
        elif name == b"cache-control":
            caching.append(value)
        elif name in _ADDRESSES:
            if (address := _rewriter(call, platform).address(value)) is not None:
                passed.append((name, address))
        elif name == b"link" and (links := _rewriter(call, platform).links(value)) is not None:
            passed.append((name, links))
    passed.append((b"cache-control", private_cache_control(caching)))
    # What a cat sends must not run as a page of the proxy's origin, nor be framed by another site's page.
    passed.append((b"x-content-type-options", b"nosniff"))
    passed.append((b"content-security-policy", b"sandbox; frame-ancestors 'none'"))
    passed += [
        (_field_name(name.encode()), value.encode())
        for name, value in call.rate_limit_headers.items()
    ]
    return passed


def _rewriter(call: Call, platform: Platform) -> LinkRewriter:
    return LinkRewriter(
        endpoint_url=call.cat.endpoint_url,
        path=call.target.path,
        query=call.target.query,
        prefix=f"{PREFIX}/{call.installation.installation_id}",
        platform=platform.as_reached(_hosts(call.request)),
    )


def _hosts(request: ProxiedRequest) -> list[str]:
    """Return the hosts by which the caller may reach the platform, also behind a reverse proxy. A caller who adds one
    only loses links to it."""
    fields = request.values(b"host") + request.values(b"x-forwarded-host")
    for field in request.values(b"forwarded"):
        fields += _FORWARDED_HOST.findall(field)
    return [host.strip().decode("latin-1") for field in fields for host in field.split(b",")]


def _host(request: ProxiedRequest) -> str:
    """Return the host by which the caller knows the proxy; empty where they do not say."""
    host = next(iter(request.values(b"host")), b"")
    return host.decode("ascii") if _HOST.fullmatch(host) else ""


# The names are the same again and again. One has 32 kB at most, and so all that are kept 8 MB.
@lru_cache(256)
def _field_name(name: bytes) -> bytes:
    """The name of a field in lower case; empty if it is none."""
    return name.lower() if _TOKEN.fullmatch(name) else b""


def _named_in_connection(headers: RawHeaders) -> set[bytes]:
    """Names in lower case; those of `headers` are in lower case too."""
    return {
        option.strip().lower()
        for name, value in headers
        if name == b"connection"
        for option in value.split(b",")
    }
