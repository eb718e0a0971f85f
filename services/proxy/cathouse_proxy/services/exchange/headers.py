"""The headers that the proxy forwards: those on two lists, and those with names that begin with `X-Cat-`.

A list of forbidden headers would be incomplete: it would need every header that some browser, framework or reverse
proxy acts on. The proxy creates the headers for framing, for one connection, and for identity itself.
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
# Headers about the body, the wanted response, and its conditions. None of them overrides the method, host or path for
# which the scope was checked, as X-HTTP-Method-Override would.
_TO_CAT = frozenset(
    b"accept accept-charset accept-encoding accept-language cache-control content-digest content-disposition "
    b"content-encoding content-language content-range content-type idempotency-key if-match if-modified-since "
    b"if-none-match if-range if-unmodified-since last-event-id pragma prefer priority range repr-digest save-data "
    b"user-agent want-content-digest want-repr-digest x-requested-with".split()
)
# Headers about this response only. All cats share the origin of the platform. So a cat must not set state of the whole
# origin in a browser, cause another request, or control a reverse proxy, as X-Accel-Redirect would.
_TO_CALLER = frozenset(
    b"accept-patch accept-post accept-ranges age allow content-digest content-disposition content-encoding "
    b"content-language content-range content-type deprecation etag expires idempotency-key last-modified "
    b"preference-applied repr-digest retry-after sunset vary x-next-page x-page x-per-page x-prev-page x-total "
    b"x-total-count x-total-pages".split()
)
_ADDRESSES = frozenset((b"location", b"content-location"))
_ONCE = frozenset(b"authorization content-length content-type host transfer-encoding".split())


def check_request_headers(headers: RawHeaders) -> None:
    """Raise `HeadersTooLarge`, or `RequestRefused` for a repeated header that must be unique, or a WebSocket."""
    seen: set[bytes] = set()
    total = 0
    for count, (name, value) in enumerate(headers, start=1):
        size = len(name) + len(value)
        total += size
        if count > MAX_HEADERS or size > MAX_HEADER_BYTES or total > MAX_HEADERS_BYTES:
            raise HeadersTooLarge
        if name in _ONCE:
            if name in seen:
                raise RequestRefused(f"Send the header {name.decode('ascii')} only once.")
            seen.add(name)
        if name == b"upgrade" and b"websocket" in value.lower():
            raise RequestRefused("The proxy does not forward WebSockets. Use plain HTTP requests.")


def headers_to_cat(call: Call, token: str) -> CIMultiDict[str]:
    """Return the headers of the request to the cat: the caller's allowed headers, then those of the proxy.

    `token` is the identity token of the caller. Raises `RequestRefused` for an invalid value.
    """
    request = call.request
    headers = request.headers
    of_connection = _named_in_connection(headers)
    passed = CIMultiDict[str]()
    for name, value in headers:
        if not (name in _TO_CAT or name.startswith(_OWN_PREFIX)) or name in of_connection:
            continue
        if _CONTROL.search(value):
            raise RequestRefused(f"The header {name.decode('ascii')} has control characters.")
        try:
            passed.add(name.decode("ascii"), value.decode())
        except UnicodeDecodeError as error:
            raise RequestRefused(
                f"The header {name.decode('ascii')} is not valid UTF-8."
            ) from error
    passed["Authorization"] = f"Bearer {token}"
    passed.update(call.context.headers())
    # The usual headers of a reverse proxy about the original request.
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
    """Raise `CatAnswerBroken` for too many headers, or if the end of the response is ambiguous.

    RFC 9112, section 6.3, defines the end of a response.
    """
    size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > MAX_HEADERS or size > MAX_HEADERS_BYTES:
        raise CatAnswerBroken("The cat's response has too many headers.")
    lengths = [value.strip() for name, value in headers if name.lower() == b"content-length"]
    codings = [value.strip() for name, value in headers if name.lower() == b"transfer-encoding"]
    if len(lengths) > 1 or (lengths and codings) or not all(map(bytes.isdigit, lengths)):
        raise CatAnswerBroken("The cat's response states its length more than once, or wrongly.")
    if codings and [coding.lower() for coding in codings] != [b"chunked"]:
        raise CatAnswerBroken("The cat's response has an unknown transfer coding.")


def headers_to_caller(
    call: Call, headers: RawHeaders, platform: Platform
) -> list[tuple[bytes, bytes]]:
    """Return the headers of the response: the cat's allowed headers, then those of the proxy.

    `Content-Length` is not included. Raises `CatAnswerBroken` for an invalid header.
    """
    headers = [(_field_name(name), value) for name, value in headers]
    of_connection = _named_in_connection(headers)
    passed: list[tuple[bytes, bytes]] = []
    caching: list[bytes] = []
    for name, value in headers:
        if not name or _CONTROL.search(value):
            raise CatAnswerBroken("The cat's response has a header with forbidden characters.")
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
    # A cat's response must not run as a page of the proxy's origin, and other sites must not embed it in a frame.
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
    """Return the hosts by which the caller may reach the platform, also behind a reverse proxy.

    A caller can add hosts here, but then only loses the links to them.
    """
    fields = request.values(b"host") + request.values(b"x-forwarded-host")
    for field in request.values(b"forwarded"):
        fields += _FORWARDED_HOST.findall(field)
    return [host.strip().decode("latin-1") for field in fields for host in field.split(b",")]


def _host(request: ProxiedRequest) -> str:
    """Return the host by which the caller knows the proxy, or an empty text if the request has none."""
    host = next(iter(request.values(b"host")), b"")
    return host.decode("ascii") if _HOST.fullmatch(host) else ""


# Names repeat. Each has at most 32 kB, so 256 entries have at most 8 MB.
@lru_cache(256)
def _field_name(name: bytes) -> bytes:
    """Return the name of a header in lower case, or an empty text if it is invalid."""
    return name.lower() if _TOKEN.fullmatch(name) else b""


def _named_in_connection(headers: RawHeaders) -> set[bytes]:
    """Return the names in `Connection`, in lower case. The names in `headers` must be in lower case."""
    return {
        option.strip().lower()
        for name, value in headers
        if name == b"connection"
        for option in value.split(b",")
    }
