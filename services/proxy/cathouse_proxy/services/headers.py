"""Which headers pass, and in what form. What frames a message, belongs to one connection, or says who someone is, is
never passed on as it came: the proxy makes its own."""

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, urljoin, urlsplit

from multidict import CIMultiDict

from cathouse_proxy.services.errors import (
    CatAnswerBroken,
    HeadersTooLarge,
    RequestRefused,
    TargetTooLong,
)
from cathouse_proxy.services.targets import parse_target

RawHeaders = Iterable[tuple[bytes, bytes]]

MAX_HEADERS = 100
MAX_HEADER_BYTES = 8000
MAX_HEADERS_BYTES = 32_000

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_URI = "%/?#[]@!$&'()*+,;=:~"  # RFC 3986, beside letters and digits
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

# RFC 9110, section 7.6.1, and what has been used in their place.
_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    b"transfer-encoding upgrade".split()
)
# What frameworks and servers take for another method, host or path than the request has. The scope was checked for what
# the request has.
_OTHER_TARGETS = frozenset(
    b"path-info script-name x-http-method x-http-method-override x-method-override x-original-host "
    b"x-original-method x-original-uri x-original-url x-override-url x-rewrite-uri x-rewrite-url x-script-name".split()
)
# The proxy says these itself, or nobody does.
_NOT_TO_CAT = (
    _HOP_BY_HOP
    | _OTHER_TARGETS
    | frozenset(
        b"authorization content-length cookie cookie2 expect forwarded host http2-settings traceparent "
        b"tracestate via x-real-ip x-request-id".split()
    )
)
# All cats answer from the proxy's one origin: none may set what a browser keeps for all of it.
_NOT_TO_CALLER = _HOP_BY_HOP | frozenset(
    b"alt-svc clear-site-data content-length content-location content-security-policy date location nel "
    b"origin-agent-cluster public-key-pins refresh report-to reporting-endpoints server "
    b"service-worker-allowed set-cookie set-cookie2 strict-transport-security via x-request-id".split()
)
# What web servers take as an order from what is behind them: to send a file, or to answer from another place. The
# platform's own reverse proxy must not obey a cat; and a cat's framework takes from the request how to give them.
_ORDERS_TO_SERVERS = (b"x-accel-", b"x-lighttpd-", b"x-litespeed-", b"x-reproxy-", b"x-sendfile")
_PREFIXES_NOT_TO_CAT = (b"x-forwarded-", *_ORDERS_TO_SERVERS)
_PREFIXES_NOT_TO_CALLER = (b"access-control-", b"ratelimit-", *_ORDERS_TO_SERVERS)
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


def headers_to_cat(
    headers: RawHeaders, own: Mapping[str, str], *, body_bytes: int | None
) -> CIMultiDict[str]:
    """The headers of the call to the cat: the caller's that may pass, then the proxy's `own`.

    `body_bytes` is the length of a body that was announced. Raises `RequestRefused` for a value that is not text.
    """
    headers = list(headers)
    dropped = _NOT_TO_CAT | _named_in_connection(headers)
    passed = CIMultiDict[str]()
    for name, value in headers:
        # Servers of the CGI family cannot tell _ from -, so that X_Forwarded_For would be as good as X-Forwarded-For.
        plain = name.lower().replace(b"_", b"-")
        if plain in dropped or plain.startswith(_PREFIXES_NOT_TO_CAT):
            continue
        if _CONTROL.search(value):
            raise RequestRefused("A header has control characters in its value.")
        try:
            passed.add(name.decode("ascii"), value.decode())
        except UnicodeDecodeError as error:
            raise RequestRefused("A header's value is not UTF-8.") from error
    passed.update(own)
    if body_bytes is not None:
        passed["Content-Length"] = str(body_bytes)
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
    headers: RawHeaders, own: Mapping[str, str], rewrite_location: "LocationRewriter"
) -> list[tuple[bytes, bytes]]:
    """The headers of the answer to the caller, without its length. Raises `CatAnswerBroken` for what is no header."""
    headers = list(headers)
    dropped = _NOT_TO_CALLER | _named_in_connection(headers)
    passed: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        plain = name.lower()
        if not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise CatAnswerBroken("The cat's answer has a header with forbidden characters.")
        if plain in (b"location", b"content-location"):
            if (location := rewrite_location(value)) is not None:
                passed.append((plain, location))
        elif plain not in dropped and not plain.startswith(_PREFIXES_NOT_TO_CALLER):
            passed.append((plain, value))
    # What a cat sends must not run as a page of the proxy's origin.
    passed.append((b"x-content-type-options", b"nosniff"))
    passed.append((b"content-security-policy", b"sandbox"))
    passed += [(name.lower().encode(), value.encode()) for name, value in own.items()]
    return passed


class LocationRewriter:
    """Turns addresses below the cat's endpoint into the proxy's, so that they can be followed and tell nobody where the
    cat is.

    Any other is made absolute, which leaves it as the cat meant it: a relative one would be read by the caller as one
    of the platform's own, and be followed there with their credential. What cannot be made so is not passed on; nor is
    another address at `host`, which is the platform's, as the caller wrote it.
    """

    def __init__(self, endpoint_url: str, called_url: str, prefix: str, host: str) -> None:
        self._endpoint = endpoint_url.rstrip("/")
        self._called = called_url
        self._prefix = prefix
        self._host = host

    def __call__(self, value: bytes) -> bytes | None:
        try:
            # Latin-1 keeps all bytes as they are.
            target = urljoin(self._called, value.decode("latin-1"))
            read = urlsplit(target)
            # Without a host, clients that have another address of this scheme take theirs.
            if read.scheme in ("http", "https") and not read.netloc:
                return None
            in_proxy = self._in_proxy(target)
            if in_proxy is None and _host_of(target) == _host_of(f"{read.scheme}://{self._host}"):
                return None
            return (in_proxy or target).encode("latin-1")
        except ValueError:
            return None

    def _in_proxy(self, target: str) -> str | None:
        """The proxy's address of what is below the endpoint, and would be let through if it was asked for."""
        below = target.removeprefix(self._endpoint)
        if below == target or below[:1] not in ("", "/", "?"):
            return None
        below = quote(below.encode("latin-1"), safe=_URI)
        path = re.split("[?#]", below, maxsplit=1)[0]
        try:
            parse_target(path.removeprefix("/").encode("ascii"), b"")
        except (RequestRefused, TargetTooLong):
            return None  # such as one that leads out of it with dots
        return f"{self._prefix}{below}"


def _host_of(url: str) -> tuple[str | None, int | None]:
    """With its port. Raises `ValueError`."""
    read = urlsplit(url)
    return read.hostname, read.port or {"http": 80, "https": 443}.get(read.scheme)


def _named_in_connection(headers: RawHeaders) -> set[bytes]:
    return {
        option.strip().lower().replace(b"_", b"-")
        for name, value in headers
        if name.lower() == b"connection"
        for option in value.split(b",")
    }
