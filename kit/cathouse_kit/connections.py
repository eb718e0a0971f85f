"""The limit on connections of a process, and the choice of idle connections to close for new ones."""

import sys
from collections import Counter
from typing import ClassVar, Protocol

from cathouse_kit.addresses import TrustedProxies, network_of
from cathouse_kit.metrics import Metrics
from cathouse_kit.problems import ServiceUnavailable


class TooManyConnections(ServiceUnavailable):
    title: ClassVar[str] = "Too many connections"
    detail = "The service has reached its limit of connections. Try again after the seconds in the Retry-After header."


class Connection(Protocol):
    """The parts of a connection that `Connections` uses."""

    @property
    def address(self) -> str | None: ...

    @property
    def idle_since(self) -> float | None:
        """Return the time on the loop's clock since when it waits for a request, or None while it has one."""

    def make_room(self) -> None: ...


class Connections:
    """The open connections of one process.

    There are at most `limit`. One address (for IPv6, a /64 network) may have half of them, a trusted proxy all. A new
    connection beyond the limit replaces the one that has been idle for the longest time.
    """

    def __init__(
        self,
        limit: int = sys.maxsize,
        *,
        trusted: TrustedProxies | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._limit = limit
        self._limit_by_network = max(1, limit // 2)
        self._trusted = trusted or TrustedProxies(())
        self.metrics = metrics
        self._networks: dict[Connection, str | None] = {}
        self._by_network: Counter[str | None] = Counter()

    def enter(self, newcomer: Connection) -> None:
        """Count a new connection. Raises `TooManyConnections` beyond the limit if no connection is idle."""
        network = self._network(newcomer.address)
        crowded = network is not None and self._by_network[network] >= self._limit_by_network
        if crowded or len(self._networks) >= self._limit:
            self._make_room(network if crowded else None)
        self._networks[newcomer] = network
        self._by_network[network] += 1

    def leave(self, connection: Connection) -> None:
        """Stop counting a connection. Do nothing if it is not counted."""
        if connection in self._networks:
            network = self._networks.pop(connection)
            self._by_network[network] -= 1
            if not self._by_network[network]:
                del self._by_network[network]

    def _network(self, address: str | None) -> str | None:
        if address is None or address in self._trusted:
            return None
        return network_of(address)

    def _make_room(self, network: str | None) -> None:
        idle = {
            connection: since
            for connection, its_network in self._networks.items()
            if network in (None, its_network) and (since := connection.idle_since) is not None
        }
        if not idle:
            raise TooManyConnections
        longest = min(idle, key=idle.__getitem__)
        self.leave(longest)
        longest.make_room()
