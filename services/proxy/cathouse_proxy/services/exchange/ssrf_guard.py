"""The guard against calls into the platform's network (server-side request forgery).

The check is part of connecting. A name is resolved once, every resolved address is checked, and the socket connects
only to these addresses. A later change of the name has no effect.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
LookUp = Callable[[str, int], Sequence[AddressInfo]]

# IPv6 addresses that contain an IPv4 address, to which a translator in the network would connect.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")  # RFC 4291, section 2.5.5.1
_IPV4_TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")  # RFC 2765
# All other global unicast addresses are in this block. The rest is reserved (IANA IPv6 Address Space registry).
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# IANA's registries of special-purpose addresses, for IPv4 and for the block above. Python's own tables are incomplete
# and depend on its version. The list includes blocks that may be routed globally, because no cat is in them.
_SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",  # this network, RFC 791
            "10.0.0.0/8",  # private, RFC 1918
            "100.64.0.0/10",  # shared address space, RFC 6598
            "127.0.0.0/8",  # loopback, RFC 1122
            "169.254.0.0/16",  # link-local, RFC 3927
            "172.16.0.0/12",  # private, RFC 1918
            "192.0.0.0/24",  # protocol assignments, RFC 6890
            "192.0.2.0/24",  # documentation, RFC 5737
            "192.31.196.0/24",  # AS112, RFC 7535
            "192.52.193.0/24",  # multicast tunnels, RFC 7450
            "192.88.99.0/24",  # 6to4 relays, RFC 7526
            "192.168.0.0/16",  # private, RFC 1918
            "192.175.48.0/24",  # AS112, RFC 7534
            "198.18.0.0/15",  # benchmarks, RFC 2544
            "198.51.100.0/24",  # documentation, RFC 5737
            "203.0.113.0/24",  # documentation, RFC 5737
            "224.0.0.0/4",  # multicast, RFC 5771
            "240.0.0.0/4",  # reserved, RFC 1112, and broadcast
            "2001::/23",  # protocol assignments, RFC 2928
            "2001:db8::/32",  # documentation, RFC 3849
            "2620:4f:8000::/48",  # AS112, RFC 7534
            "3fff::/20",  # documentation, RFC 9637
            "168.63.129.16/32",  # not IANA's: a metadata service at an address that looks public
        ),
    )
)
# Threads start when they are needed. A name server that does not respond blocks one thread until the system gives up,
# which may take half a minute.
RESOLVING_THREADS = 128


class AddressRefusedError(OSError):
    """An endpoint is, or resolves to, an address that is not public."""


def is_public(text: str) -> bool:
    """Return whether an address belongs to the public internet, and every IPv4 address inside it, too.

    `text` has the format of `getaddrinfo`.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        wrapped = _wrapped_ipv4(address)
        if wrapped:
            return all(_is_plainly_public(inner) for inner in wrapped)
    return _is_plainly_public(address)


def _is_plainly_public(address: Address) -> bool:
    return (
        address.is_global
        and (address.version == 4 or address in _GLOBAL_UNICAST)
        and not any(
            address in network for network in _SPECIAL if network.version == address.version
        )
    )


def _wrapped_ipv4(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address contains. The list is empty for a plain IPv6 address."""
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return list(address.teredo)
    if address in _NAT64 or address in _IPV4_TRANSLATED or address in _IPV4_COMPATIBLE:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return []


class GuardedResolver(AbstractResolver):
    """Resolves names with the system's resolver. Refuses a name if any of its addresses is not public.

    It has a separate thread pool. The connector runs at most one look-up of a name at a time, and all calls share it.
    So a name server that never responds blocks only one thread. Other cats have to wait only if `RESOLVING_THREADS`
    names hang at the same time, and only if theirs is not in the connector's cache.
    """

    def __init__(self, look_up: LookUp | None = None) -> None:
        self._look_up = look_up or _system_look_up
        self._threads = ThreadPoolExecutor(RESOLVING_THREADS, thread_name_prefix="resolve-cats")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve a name. Raises `AddressRefusedError`, and `OSError` if the name does not resolve."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._look_up, host, port)
        addresses = [str(info[4][0]) for info in found]
        refuse_unless_public(addresses)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=info[0],
                proto=info[2],
                flags=socket.AI_NUMERICHOST,
            )
            for info, address in zip(found, addresses, strict=True)
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _system_look_up(host: str, port: int) -> Sequence[AddressInfo]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)


def refuse_unless_public(addresses: Sequence[str]) -> None:
    """Raise `AddressRefusedError` if any of the addresses is not public."""
    for address in addresses:
        if not is_public(address):
            raise AddressRefusedError(f"{address} is not a public address")


def guarded_socket(info: AddressInfo) -> socket.socket:
    """Create the socket for one connection. Raises `AddressRefusedError`.

    The address is checked again, because a literal address in an endpoint does not go through the resolver.
    """
    family, kind, protocol, _, address = info
    refuse_unless_public([str(address[0])])
    return socket.socket(family, kind, protocol)
