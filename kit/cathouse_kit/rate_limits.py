"""Rate limits, counted in memory or, for all replicas together, in Redis or Valkey."""

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, cast

from limits import RateLimitItem, parse_many
from limits.aio.storage import Storage
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
        self._storage = cast(
            Storage, storage_from_string(f"async+{url}", wrap_exceptions=True, **options)
        )
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)

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

    async def give_back(self, limit: RateLimitItem, *key: str) -> None:
        """Takes back one `hit` that was allowed. Raises `RateLimitsUnavailable` where the store does not answer."""
        try:
            await self._limiter.hit(limit, *key, cost=-1)
        except StorageError as error:
            raise RateLimitsUnavailable from error

    async def remember(self, seconds: int, *key: str) -> None:
        """Keeps a key for `seconds` from now. Raises as `give_back` does."""
        try:
            await self._storage.clear("/".join(key))
            await self._storage.incr("/".join(key), seconds)
        except StorageError as error:
            raise RateLimitsUnavailable from error

    async def remembers(self, *key: str) -> bool:
        """Whether a key is kept by `remember`. Raises as `give_back` does."""
        try:
            return bool(await self._storage.get("/".join(key)))
        except StorageError as error:
            raise RateLimitsUnavailable from error

    async def close(self) -> None:
        if self._connections:
            await self._connections.disconnect()


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
