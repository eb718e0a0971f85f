"""The HTTP client for cats."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDict
from yarl import URL

from cathouse_proxy.services.errors import (
    CatAddressRefused,
    CatAnswerBroken,
    CatUnreachable,
)
from cathouse_proxy.services.exchange.headers import check_answer_headers
from cathouse_proxy.services.exchange.ssrf_guard import (
    AddressRefusedError,
    GuardedResolver,
    guarded_socket,
)

CONNECT_SECONDS = 2.0
# Shorter than the keep-alive time of common servers, so a request does not use a connection that the cat is closing.
_KEEP_IDLE_SECONDS = 4.0
_BUFFER_BYTES = 64 * 1024
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})  # RFC 9110, section 9.2.2
_NO_ADDRESS = (
    "The cat's endpoint is not a valid http or https address. Its developer must change it."
)
_WITHOUT_BODY = frozenset({204, 304})  # RFC 9110, section 6.4.1


@dataclass(frozen=True, slots=True)
class CatAnswer:
    """A response after its head has arrived."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    length: int | None
    """The length of the body, or None if it is unknown. 0 for responses without a body."""
    announced_length: int | None
    """The `Content-Length` for the caller. For HEAD, it is the length of the body that GET would have."""
    _response: aiohttp.ClientResponse

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. Read no more until the next part is requested. Raises `CatAnswerBroken`."""
        with _http_errors():
            while part := await self._response.content.readany():
                yield part

    async def whole(self) -> bytes:
        """Return the body. Raises `CatAnswerBroken`."""
        with _http_errors():
            return await self._response.content.read()

    def close(self) -> None:
        """Return the connection to the pool, or close it if the response was not read to its end."""
        self._response.close()


class CatClient:
    """A pool of connections to cats.

    It follows no redirects, stores no cookies, decodes no bodies, and reads no settings from the environment.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        connect_seconds: float = CONNECT_SECONDS,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._connect_seconds = connect_seconds
        self._resolver = resolver or (None if allow_private else GuardedResolver())
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "CatClient":
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=_KEEP_IDLE_SECONDS,
                resolver=self._resolver or aiohttp.ThreadedResolver(),
                socket_factory=None if self._allow_private else guarded_socket,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_seconds),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_BUFFER_BYTES,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )
        # aiohttp would repeat a request if its connection broke. Here only a failed connection attempt may be repeated.
        self._session._retry_connection = False
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
        if self._resolver is not None:
            await self._resolver.close()

    async def call(
        self,
        method: str,
        url: str,
        headers: CIMultiDict[str],
        body: AsyncIterable[bytes] | None,
    ) -> CatAnswer:
        """Send the request unchanged, and return when the response's head has arrived. Close the response after use.

        If the connection fails, an idempotent request is tried once more. The only time limit is for connecting. Raises
        `CatUnreachable`, `CatAddressRefused` and `CatAnswerBroken`.
        """
        with _http_errors():
            response = await self._send(method, url, headers, body)
        try:
            _break_with_connection(response)
            return _read_head(response)
        except CatAnswerBroken:
            response.close()
            raise

    async def _send(
        self,
        method: str,
        url: str,
        headers: CIMultiDict[str],
        body: AsyncIterable[bytes] | None,
    ) -> aiohttp.ClientResponse:
        assert self._session is not None, "the pool has not been opened"  # noqa: S101
        target = _readable(url)
        attempts = 2 if method in _IDEMPOTENT else 1
        while True:
            attempts -= 1
            try:
                return await self._session.request(
                    method,
                    target,
                    headers=headers,
                    data=body,
                    allow_redirects=False,
                )
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                refused = isinstance(error, aiohttp.ClientConnectorError) and isinstance(
                    error.os_error, AddressRefusedError
                )
                if refused or attempts == 0:
                    raise


def _readable(url: str) -> URL:
    """Parse an http or https URL. Raises `CatUnreachable` for any other text."""
    try:
        read = URL(url, encoded=True)
        if read.scheme in ("http", "https") and read.host and read.port:
            return read
    except ValueError as error:
        raise CatUnreachable(_NO_ADDRESS) from error
    raise CatUnreachable(_NO_ADDRESS)


def _read_head(response: aiohttp.ClientResponse) -> CatAnswer:
    headers = response.raw_headers
    # Informational responses are not forwarded, and 101 would switch to another protocol.
    if not 200 <= response.status <= 599:
        raise CatAnswerBroken(
            f"The cat responded with the status {response.status}. Only 200 to 599 are forwarded."
        )
    check_answer_headers(headers)
    announced = None if response.status in _WITHOUT_BODY else response.content_length
    without_body = response.method == "HEAD" or response.status in _WITHOUT_BODY
    length = 0 if without_body else announced
    return CatAnswer(response.status, headers, length, announced, response)


def _break_with_connection(response: aiohttp.ClientResponse) -> None:
    """Make reading the body fail if the connection closes before its end.

    For a malformed chunk, aiohttp closes the connection without notifying the reader.
    """
    connection, content = response.connection, response.content
    if connection is None or connection.protocol is None:
        return  # the whole response has already arrived

    def on_closed(closed: "asyncio.Future[None]") -> None:
        closed.exception()  # mark as retrieved, or asyncio logs it
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the connection was closed"))

    if closed := connection.protocol.closed:
        closed.add_done_callback(on_closed)


@contextmanager
def _http_errors() -> Iterator[None]:
    """Convert the client's errors into problems.

    Causes are logged. So no cause may refer to the request, because its headers hold a token and its query may hold
    private data.
    """
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, AddressRefusedError):
            raise CatAddressRefused from error.os_error
        raise CatUnreachable from error.os_error
    except aiohttp.InvalidURL:
        raise CatUnreachable(_NO_ADDRESS) from None
    except aiohttp.ConnectionTimeoutError:
        raise CatUnreachable from TimeoutError("no connection in time")
    except (aiohttp.ClientError, ValueError) as error:
        raise CatAnswerBroken from ConnectionError(type(error).__name__)
