"""Rewriting of addresses in a cat's response headers. None of them may lead to a route of the platform.

Clients follow such addresses automatically, with the method, the body and often the token of the first request. Some
clients parse them like browsers (WHATWG URL Standard), others by RFC 3986. So each address is parsed like in browsers,
compared, and forwarded in serialised form, which both kinds of clients read alike. pydantic's parser is Rust's `url`,
which implements the WHATWG standard.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from pydantic_core import Url

from cathouse_proxy.services.admission.targets import parse_target
from cathouse_proxy.services.errors import RequestRefused, TargetTooLong

Place = tuple[str, int | None]
"""The normalised host, and the port."""

MAX_LINKS = 50

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_WITH_HOST = re.compile(r"https?:[/\\]{2}", re.IGNORECASE)
_MAIL = re.compile("mailto:", re.IGNORECASE)
_AROUND = "".join(map(chr, range(0x21)))  # browsers remove controls and spaces around an address
_URI = "%/?#[]@!$&'()*+,;=:~"  # RFC 3986, in addition to letters and digits
_PORTS = (80, 443)
_LOOPBACK = "localhost"

# RFC 8288, section 3. Addresses and quoted values may also contain commas and semicolons.
_PARAMETER = (
    r'[ \t]*;[ \t]*([A-Za-z0-9!#$&+.^_`|~-]+\*?)(?:[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s",;]+))?'
)
_LINK = re.compile(rf"[ \t,]*<([^<>]*)>((?:{_PARAMETER})*)[ \t]*(?:,|$)")
_EACH_PARAMETER = re.compile(_PARAMETER)
_LINK_PARAMETERS = frozenset({"hreflang", "rel", "title", "title*", "type"})
# Without relations that browsers and reverse proxies act on automatically, such as `preload`.
_RELATIONS = frozenset(
    {
        *(
            "alternate",
            "author",
            "canonical",
            "collection",
            "current",
            "describedby",
            "edit",
            "first",
        ),
        *("help", "index", "item", "last", "latest-version", "license", "next", "prev", "previous"),
        *(
            "predecessor-version",
            "related",
            "self",
            "service-desc",
            "service-doc",
            "start",
            "status",
        ),
        *("successor-version", "terms-of-service", "up", "version-history", "via"),
    }
)


@dataclass(frozen=True, slots=True)
class Platform:
    """The addresses of the platform. A cat's response must not contain any of them."""

    places: frozenset[Place]
    hosts: frozenset[str] = frozenset()
    """Hosts on which every port belongs to the platform: the gateway and the services listen on several."""

    @classmethod
    def of(cls, *addresses: str) -> "Platform":
        """Create it from URLs. URLs that cannot be parsed are ignored."""
        return cls(_places(addresses))

    def as_reached(self, hosts: Iterable[str]) -> "Platform":
        """Add the hosts by which a caller reaches the platform, in the form of the `Host` header."""
        reached = _places(f"http://{host}" for host in hosts)
        return Platform(self.places | reached, frozenset(host for host, _ in reached))

    def has(self, url: Url, cat: Url) -> bool:
        """Return whether a request to this URL may arrive at the platform.

        In development, a cat may be on the same host as the platform, at another port.
        """
        place = _place(url)
        return place in self.places or (place[0] in self.hosts and place != _place(cat))


class LinkRewriter:
    """Rewrites addresses in the response headers of one call.

    Addresses below the cat's endpoint become addresses of the proxy. So the caller can follow them, and does not learn
    the endpoint. Other addresses become absolute, because the caller would resolve relative ones at the platform.

    Addresses of the platform and addresses with a user are removed. So are schemes other than http, https and mailto,
    and addresses that cannot be parsed.
    """

    def __init__(
        self, *, endpoint_url: str, path: str, query: str, prefix: str, platform: Platform
    ) -> None:
        """`path` and `query` are those of the request, below the endpoint.

        `prefix` is the path of the installation at the proxy.
        """
        self._endpoint = _parse(endpoint_url)
        self._base = ((self._endpoint and self._endpoint.path) or "").rstrip("/")
        self._called = f"{self._base}{path}"
        self._query = f"?{query}" if query else ""
        self._prefix = prefix
        self._platform = platform

    def address(self, value: bytes) -> bytes | None:
        """Return the rewritten address, or None if it must be removed."""
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return None
        text = text.replace("\t", "").strip(_AROUND)
        if _MAIL.match(text):
            return quote(text, safe=_URI).encode("ascii")
        endpoint = self._endpoint
        url = _parse(self._absolute(text, endpoint)) if endpoint else None
        if endpoint is None or url is None or url.username is not None or url.password is not None:
            return None
        passed = self._in_proxy(url, endpoint)
        if passed is None:
            if self._platform.has(url, endpoint):
                return None
            passed = str(url)
        # WHATWG allows a backslash in queries and fragments, RFC 3986 allows it nowhere.
        return passed.replace("\\", "%5C").encode("ascii")

    def links(self, value: bytes) -> bytes | None:
        """Return a rewritten `Link` header, with only allowed addresses and harmless relations.

        Return None if no link remains, or if a part of the header cannot be parsed.
        """
        try:
            text = value.decode("ascii").strip(" \t,")
        except UnicodeDecodeError:
            return None
        passed: list[str] = []
        position = 0
        while position < len(text):
            link = _LINK.match(text, position)
            if link is None or len(passed) == MAX_LINKS:
                return None
            position = link.end()
            target = self.address(link[1].encode("ascii"))
            parameters = {
                name.lower(): quoted for name, quoted in reversed(_EACH_PARAMETER.findall(link[2]))
            }
            relations = parameters.get("rel", "").strip('"').lower().split()
            # Links with `anchor` or `rev` are not about this response.
            if parameters.keys() & {"anchor", "rev"} or not relations or target is None:
                continue
            if _RELATIONS.issuperset(relations):
                shown = (
                    f"; {name}={quoted}" if quoted else f"; {name}"
                    for name, quoted in reversed(parameters.items())
                    if name in _LINK_PARAMETERS
                )
                passed.append(f"<{target.decode('ascii')}>{''.join(shown)}")
        return ", ".join(passed).encode("ascii") or None

    def _absolute(self, text: str, endpoint: Url) -> str:
        """Resolve an address relative to the called URL of the cat. Backslashes count as slashes, as in browsers."""
        if _SCHEME.match(text):
            # Without a host, browsers use the host of the page if the scheme is the same. That is the platform's host.
            return text if _WITH_HOST.match(text) else ""
        begins = text[:2].replace("\\", "/")
        if begins == "//":
            return f"{endpoint.scheme}:{text}"
        origin = f"{endpoint.scheme}://{endpoint.host}:{endpoint.port}"
        if begins.startswith("/"):
            return f"{origin}{text}"
        if begins.startswith("?"):
            return f"{origin}{self._called}{text}"
        if not text or begins.startswith("#"):
            return f"{origin}{self._called}{self._query}{text}"
        folder = self._called.rpartition("/")[0]
        return f"{origin}{folder}/{text}"

    def _in_proxy(self, url: Url, endpoint: Url) -> str | None:
        """Return the address at the proxy for a URL below the endpoint, or None if the proxy would refuse it."""
        path = url.path or "/"
        if url.scheme != endpoint.scheme or _place(url) != _place(endpoint):
            return None
        below = path.removeprefix(self._base)
        if not path.startswith(self._base) or below[:1] not in ("", "/"):
            return None
        below = quote(below, safe=_URI)
        try:
            parse_target(below.removeprefix("/").encode("ascii"), b"")
        except (RequestRefused, TargetTooLong):
            return None
        rest = f"?{url.query}" if url.query is not None else ""
        rest += f"#{url.fragment}" if url.fragment is not None else ""
        # The proxy has no route for an installation without the slash.
        return f"{self._prefix}{below or '/'}{quote(rest, safe=_URI)}"


def _parse(text: str) -> Url | None:
    try:
        url = Url(text)
    except ValueError:
        return None
    host = url.host or ""
    # WHATWG allows empty labels. Name servers refuse or ignore them.
    return None if host.startswith(".") or ".." in host else url


def _places(addresses: Iterable[str]) -> frozenset[Place]:
    places = {_place(url) for url in map(_parse, addresses) if url is not None}
    # If the platform is at port 80 or 443, count the other port, too: one usually redirects to the other.
    defaults = {(host, other) for host, port in places if port in _PORTS for other in _PORTS}
    return frozenset(places | defaults)


def _place(url: Url) -> Place:
    return _host(url), url.port


def _host(url: Url) -> str:
    """Return the normalised host. All names and addresses of loopback become `localhost`."""
    host = (url.host or "").removesuffix(".")
    if host == _LOOPBACK or host.endswith(f".{_LOOPBACK}"):
        return _LOOPBACK
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return _LOOPBACK if address.is_loopback or address.is_unspecified else str(address)
