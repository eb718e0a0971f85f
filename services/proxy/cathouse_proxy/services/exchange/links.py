"""Addresses in a cat's response headers, so that none leads the caller's next request to a route of the platform.

Clients follow them on their own, with method, body and often the token of the first request. They read them as
browsers do (WHATWG URL Standard) or as RFC 3986 says; so each is parsed as browsers do, compared, and sent on in the
serialised form, which both read in the same way. pydantic's parser is Rust's `url`, which implements the standard.
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
"""Host, in one form, and port."""

MAX_LINKS = 50

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_WITH_HOST = re.compile(r"https?:[/\\]{2}", re.IGNORECASE)
_MAIL = re.compile("mailto:", re.IGNORECASE)
_AROUND = "".join(map(chr, range(0x21)))  # what browsers cut off: controls and the space
_URI = "%/?#[]@!$&'()*+,;=:~"  # RFC 3986, beside letters and digits
_PORTS = (80, 443)
_LOOPBACK = "localhost"

# RFC 8288, section 3. Commas and semicolons may also be in the address and in quoted values.
_PARAMETER = (
    r'[ \t]*;[ \t]*([A-Za-z0-9!#$&+.^_`|~-]+\*?)(?:[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s",;]+))?'
)
_LINK = re.compile(rf"[ \t,]*<([^<>]*)>((?:{_PARAMETER})*)[ \t]*(?:,|$)")
_EACH_PARAMETER = re.compile(_PARAMETER)
_LINK_PARAMETERS = frozenset({"hreflang", "rel", "title", "title*", "type"})
# Relations that browsers and reverse proxies act upon before anybody asks, such as `preload`, are not among them.
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
    """Where the platform is reached: no address there may come from a cat."""

    places: frozenset[Place]
    hosts: frozenset[str] = frozenset()
    """Any port on these is the platform's: its gateway and its services listen on several."""

    @classmethod
    def of(cls, *addresses: str) -> "Platform":
        """From URLs, of which those that cannot be parsed are left out."""
        return cls(_places(addresses))

    def as_reached(self, hosts: Iterable[str]) -> "Platform":
        """With the hosts by which a caller reaches it, as in the `Host` field."""
        reached = _places(f"http://{host}" for host in hosts)
        return Platform(self.places | reached, frozenset(host for host, _ in reached))

    def has(self, url: Url, cat: Url) -> bool:
        """Whether a request to this URL may arrive at the platform. The cat may be on the same host, as in development,
        at another port."""
        place = _place(url)
        return place in self.places or (place[0] in self.hosts and place != _place(cat))


class LinkRewriter:
    """Rewrites addresses in the response headers of one call.

    Those below the cat's endpoint become the proxy's, so that they can be followed and tell nobody where the cat is.
    Any other becomes absolute, which leaves it as the cat meant it: the caller would read a relative one as the
    platform's. Addresses of the platform, addresses with a user, schemes other than http, https and mailto, and what
    cannot be parsed are dropped.
    """

    def __init__(
        self, *, endpoint_url: str, path: str, query: str, prefix: str, platform: Platform
    ) -> None:
        """`path` and `query` are those of the request below the endpoint; `prefix` is the proxy's path of the
        installation."""
        self._endpoint = _parse(endpoint_url)
        self._base = ((self._endpoint and self._endpoint.path) or "").rstrip("/")
        self._called = f"{self._base}{path}"
        self._query = f"?{query}" if query else ""
        self._prefix = prefix
        self._platform = platform

    def address(self, value: bytes) -> bytes | None:
        """Return what a caller gets of an address, or None where it must not pass."""
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
        # The standard leaves it in queries and fragments, and RFC 3986 has it nowhere.
        return passed.replace("\\", "%5C").encode("ascii")

    def links(self, value: bytes) -> bytes | None:
        """Return what a caller gets of a `Link` field: links whose address may pass, with relations that order nothing.
        None where nothing is left, or where any of it cannot be parsed."""
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
            # A link with another context, or in the other direction, says nothing of this response.
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
        """Resolve against the URL that was called at the cat. Browsers read backslashes as slashes here."""
        if _SCHEME.match(text):
            # Without a host, browsers take that of the page where its scheme is the same: the platform's.
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
        """Return the proxy's address of what is below the endpoint, if it would be let through."""
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
        # The proxy has no route of an installation without the slash.
        return f"{self._prefix}{below or '/'}{quote(rest, safe=_URI)}"


def _parse(text: str) -> Url | None:
    try:
        url = Url(text)
    except ValueError:
        return None
    host = url.host or ""
    # The standard allows empty labels, which name systems refuse or ignore.
    return None if host.startswith(".") or ".." in host else url


def _places(addresses: Iterable[str]) -> frozenset[Place]:
    places = {_place(url) for url in map(_parse, addresses) if url is not None}
    # At the port of one scheme, the other is expected at its own; one leads to the other.
    defaults = {(host, other) for host, port in places if port in _PORTS for other in _PORTS}
    return frozenset(places | defaults)


def _place(url: Url) -> Place:
    return _host(url), url.port


def _host(url: Url) -> str:
    """The host in one form; all names and addresses of a machine for itself are one."""
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
