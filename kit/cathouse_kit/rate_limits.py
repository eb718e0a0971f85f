"""Rate limits. They are counted in memory, or for all replicas together in Redis or Valkey."""

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from limits import RateLimitItem, parse_many
from limits.aio.storage import Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string
from pydantic import PlainValidator, SecretStr

from cathouse_kit.hosts import check_host
from cathouse_kit.problems import ServiceUnavailable

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

_STORE_SECONDS = 1.0
_MAX_STORE_SECONDS = 10.0
# A counter in Redis has 64 bits, and a year is the longest unit that a limit has.
_MAX_AMOUNT = 10**9
_NO_TIME = re.compile(r"(/|per)\s*0+\s*[a-z]", re.IGNORECASE)
_MAX_WINDOW_SECONDS = 366 * 24 * 60 * 60


def _parse(value: object) -> RateLimitItem:
    if isinstance(value, RateLimitItem):
        return value
    try:
        (limit,) = parse_many(str(value))
    except ValueError:
        limit = None
    # The library would read "1/0 minutes" as 1/minute.
    if limit is None or limit.amount < 1 or _NO_TIME.search(str(value)):
        raise ValueError("must be one limit of 1 or more, such as 10/minute or 500/hour")
    if limit.amount > _MAX_AMOUNT or limit.get_expiry() > _MAX_WINDOW_SECONDS:
        raise ValueError(f"must be at most {_MAX_AMOUNT}, in a period of at most one year")
    return limit


RateLimit = Annotated[RateLimitItem, PlainValidator(_parse)]
"""A setting for a limit, such as `10/minute` or `100 per 5 minutes`."""


class RateLimitsUnavailable(ServiceUnavailable):
    title = "Rate limits unavailable"
    detail = "The store of the rate limits does not respond. Try again after the seconds in the Retry-After header."


@dataclass(frozen=True, slots=True)
class Window:
    """The state of a limit after a request."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    """Seconds until the window has moved on; at least 1."""

    def headers(self) -> dict[str, str]:
        """Return the response headers of the limit (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }


class RateLimiter:
    """Counts requests by key. It opens no connection before the first hit."""

    def __init__(self, storage: SecretStr) -> None:
        self._connections = parse_storage(storage.get_secret_value())
        # The library would parse the URL of a Redis again, with other rules. It only needs the connections.
        url = "async+memory://"
        options: dict[str, Any] = {}
        if self._connections:
            url = "async+redis://"
            options = {"implementation": "redispy", "connection_pool": self._connections}
        self._storage = cast(Storage, storage_from_string(url, wrap_exceptions=True, **options))
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)

    async def hit(self, limit: RateLimitItem, *key: str) -> Window:
        """Count one request. Raises `RateLimitsUnavailable` if the store does not respond."""
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
        """Undo one allowed `hit`. Raises `RateLimitsUnavailable` if the store does not respond."""
        try:
            await self._limiter.hit(limit, *key, cost=-1)
        except StorageError as error:
            raise RateLimitsUnavailable from error

    async def remember(self, seconds: int, *key: str) -> None:
        """Store a key for `seconds` from now. Raises the errors of `give_back`."""
        try:
            await self._storage.clear("/".join(key))
            await self._storage.incr("/".join(key), seconds)
        except StorageError as error:
            raise RateLimitsUnavailable from error

    async def remembers(self, *key: str) -> bool:
        """Return whether `remember` has stored a key. Raises the errors of `give_back`."""
        try:
            return bool(await self._storage.get("/".join(key)))
        except StorageError as error:
            raise RateLimitsUnavailable from error

    async def close(self) -> None:
        if self._connections:
            await self._connections.disconnect()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _MAX_STORE_SECONDS:  # false for nan, too
        raise ValueError(f"must be a number of seconds above 0, {_MAX_STORE_SECONDS:g} at most")
    return seconds


def _database(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("must have the number of a database, such as redis://HOST:PORT/0")
    return int(text)


# Parameters of a store's URL, with their parsers.
_STORE_OPTIONS: dict[str, Callable[[str], Any]] = {
    "socket_timeout": _seconds,
    "socket_connect_timeout": _seconds,
    "db": _database,
}
_TLS_OPTIONS: dict[str, Callable[[str], Any]] = {
    "ssl_ca_certs": str,
    "ssl_certfile": str,
    "ssl_keyfile": str,
}


def parse_storage(url: str) -> "ConnectionPool | None":
    """Parse `RATE_LIMIT_STORAGE`: `memory://`, for which the result is None, or the URL of a Redis or Valkey.

    The URL is `redis://`, or `rediss://` for TLS: `redis://USER:PASSWORD@HOST:PORT/DATABASE?socket_timeout=0.5`. Opens
    no connection. Raises `ValueError` with a message that names the wrong part and quotes no secret.
    """
    if url == "memory://":
        return None
    if url.startswith("memory://"):
        raise ValueError("must be memory:// alone")
    if not url.startswith(("redis://", "rediss://")):
        raise ValueError("must be a URL that begins with memory://, redis:// or rediss://")
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        # The original message would quote the URL.
        raise ValueError(
            "has a port that is not a number; write special characters of a password as %XX"
        ) from None
    if port == 0 or parts.fragment or parts.netloc.count("@") > 1:
        raise ValueError(
            "must be redis://USER:PASSWORD@HOST:PORT/DATABASE; "
            "write special characters of a password as %XX"
        )
    check_host(unquote(parts.hostname or ""))
    _database(parts.path.removeprefix("/") or "0")
    known = _STORE_OPTIONS | (_TLS_OPTIONS if parts.scheme == "rediss" else {})
    options = {name: _option(known, name, value) for name, value in _query(parts.query)}
    return _connections(url, options)


def _query(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError:
        raise ValueError("must have parameters such as ?socket_timeout=0.5") from None


def _option(known: Mapping[str, Callable[[str], Any]], name: str, value: str) -> Any:
    if name not in known:
        shown = name[:40] if name.isidentifier() else "a parameter"
        raise ValueError(f"{shown}: is not a known parameter; use {', '.join(sorted(known))}")
    try:
        return known[name](value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _connections(url: str, options: dict[str, Any]) -> "ConnectionPool":
    from redis.asyncio import ConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    # By default, the client retries for seconds, and waits forever for a silent server.
    times: dict[str, Any] = {
        "socket_connect_timeout": _STORE_SECONDS,
        "socket_timeout": _STORE_SECONDS,
    }
    pool = ConnectionPool.from_url(
        url.partition("?")[0], retry=Retry(NoBackoff(), 1), **(times | options)
    )
    try:
        connection = pool.make_connection()  # type: ignore[no-untyped-call]
        if (context := getattr(connection, "ssl_context", None)) is not None:
            context.get()
    except (OSError, ValueError) as error:
        raise ValueError(f"its TLS files cannot be used: {error}") from None
    return pool
