"""Rate limits, counted in memory or, for all replicas together, in Redis or Valkey."""

import ipaddress
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from limits import RateLimitItem, parse_many
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string
from pydantic import PlainValidator, SecretStr

from cathouse_kit.problems import ServiceUnavailable

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

_STORE_SECONDS = 1.0


def _parse(value: object) -> RateLimitItem:
    if isinstance(value, RateLimitItem):
        return value
    try:
        (limit,) = parse_many(str(value))
    except ValueError:
        limit = None
    if limit is None or limit.amount < 1:
        raise ValueError("must be one limit of at least 1, such as 10/minute or 500/hour")
    return limit


RateLimit = Annotated[RateLimitItem, PlainValidator(_parse)]
"""A setting that is a limit, written such as `10/minute` or `100 per 5 minutes`."""


class RateLimitsUnavailable(ServiceUnavailable):
    title = "Rate limits unavailable"
    detail = "The store that counts requests does not answer; try again in a moment."


@dataclass(frozen=True, slots=True)
class Window:
    """What is left of a limit."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    """In how many seconds the window has moved on; at least 1."""

    def headers(self) -> dict[str, str]:
        """The fields that tell a caller (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }


class RateLimiter:
    """Counts by key. Opens nothing before the first hit."""

    def __init__(self, storage: SecretStr) -> None:
        url = storage.get_secret_value()
        self._connections = None if url.startswith("memory:") else _connections(url)
        options: dict[str, Any] = (
            {"implementation": "redispy", "connection_pool": self._connections}
            if self._connections
            else {}
        )
        self._limiter = SlidingWindowCounterRateLimiter(
            storage_from_string(f"async+{url}", wrap_exceptions=True, **options)
        )

    async def hit(self, limit: RateLimitItem, *key: str) -> Window:
        """Counts one request. Raises `RateLimitsUnavailable` where the store does not answer."""
        try:
            allowed = await self._limiter.hit(limit, *key)
            stats = await self._limiter.get_window_stats(limit, *key)
        except StorageError as error:
            raise RateLimitsUnavailable from error
        return Window(
            allowed=allowed,
            limit=limit.amount,
            remaining=stats.remaining,
            reset_seconds=max(1, math.ceil(stats.reset_time - time.time())),
        )

    async def close(self) -> None:
        if self._connections:
            await self._connections.disconnect()


def network_of(address: str) -> str:
    """Return the key by which an address is counted: an IPv4 address itself, of an IPv6 address its /64 network.

    One host has all 2⁶⁴ addresses of such a network. An IPv4 address that is mapped into IPv6 counts as itself, and a
    text that is no address as it is.
    """
    try:
        host = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(host, ipaddress.IPv4Address):
        return str(host)
    return str(host.ipv4_mapped or ipaddress.ip_network((host, 64), strict=False))


def _connections(url: str) -> "ConnectionPool":
    from redis.asyncio import ConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    # By its own defaults the client waits for seconds before it gives up, and for ever on a server that is silent.
    return ConnectionPool.from_url(
        url,
        socket_connect_timeout=_STORE_SECONDS,
        socket_timeout=_STORE_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
