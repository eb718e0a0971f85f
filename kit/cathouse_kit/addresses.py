"""IP addresses of callers, in one spelling each, and the reverse proxies that may report them."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

_SCHEMES = {b"http": "http", b"https": "https"}
_IPv4 = ipaddress.IPv4Address
_IPv6 = ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def normalised(address: str) -> str:
    """Return an IP address in its canonical spelling: `192.0.2.1` also for `::ffff:192.0.2.1`, and without a zone.

    A socket on `::` reports IPv4 callers as IPv4-mapped IPv6 addresses (RFC 4291, section 2.5.5.2). Text that is not an
    IP address is returned unchanged.
    """
    if ":" not in address:
        return address
    try:
        return str(_parse(address))
    except ValueError:
        return address


@lru_cache(4096)
def network_of(address: str) -> str:
    """Return the unit that rate limits count as one caller: an IPv4 address, or the /64 network of an IPv6 address.

    One host usually has all 2⁶⁴ addresses of its network. Text that is not an IP address is returned unchanged.
    """
    try:
        parsed = _parse(address)
    except ValueError:
        return address
    if isinstance(parsed, _IPv4):
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _parse(address: str) -> _IPv4 | _IPv6:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return (isinstance(parsed, _IPv6) and parsed.ipv4_mapped) or parsed


def parse_networks(text: str) -> tuple[Network, ...]:
    """Parse addresses and networks such as `10.0.0.7, 10.0.0.0/8`. `*` alone means every address.

    Raises `ValueError` with a message that gives the accepted form. `127.0.0.1/8` is refused, because it can mean an
    address or a network.
    """
    parts = [part.strip() for part in text.split(",")]
    if parts == ["*"]:
        parts = ["0.0.0.0/0", "::/0"]
    try:
        return tuple(_parse_network(part) for part in parts if part)
    except ValueError:
        raise ValueError(
            "must be * alone, or IP addresses and networks such as 10.0.0.7 or 10.0.0.0/8, separated by commas. "
            "Write a network with its first address"
        ) from None


def _parse_network(text: str) -> Network:
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network


class TrustedProxies:
    """The reverse proxies that may set `X-Forwarded-For` and `X-Forwarded-Proto`."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        # Few addresses are looked up: those of reverse proxies, and of callers that these name.
        self._trusts = lru_cache(4096)(self._look_up)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, address: str) -> bool:
        return self._trusts(address)

    def _look_up(self, address: str) -> bool:
        try:
            parsed = _parse(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)

    def caller(self, forwarded_for: str) -> str | None:
        """Return the caller's address from the value of `X-Forwarded-For`, or None if no entry is reliable.

        Each reverse proxy appends the address from which it received the request. So the caller is the last entry that
        is not a trusted proxy. If all entries are trusted, it is the first one. The search ends at an invalid entry.
        """
        caller = None
        for entry in reversed(forwarded_for.split(",")):
            try:
                caller = str(_parse(_without_port(entry.strip())))
            except ValueError:
                return caller
            if caller not in self:
                return caller
        return caller


def _without_port(entry: str) -> str:
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


class ForwardedMiddleware:
    """Sets the caller's address and scheme of a request from the headers of a trusted reverse proxy.

    It replaces uvicorn's middleware, which compares the spelling of addresses and so does not recognise an IPv4
    address on `::`.
    """

    def __init__(self, app: ASGIApp, *, trusted: TrustedProxies) -> None:
        self.app = app
        self.trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if client and scope["type"] == "http" and client[0] in self.trusted:
            entries = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
            if entries and (caller := self.trusted.caller(b",".join(entries).decode("latin-1"))):
                scope["client"] = (caller, 0)
            for name, value in scope["headers"]:
                if name == b"x-forwarded-proto":
                    scope["scheme"] = _SCHEMES.get(value.strip().lower(), scope["scheme"])
        await self.app(scope, receive, send)
