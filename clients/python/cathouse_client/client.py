"""The clients: one address, one signed-in user, and the operations of every service."""

from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

import httpx

from cathouse_client.errors import problem_of
from cathouse_client.generated.models import RefreshRequest, SignIn, TokenPair
from cathouse_client.generated.services import AsyncServices, Services
from cathouse_client.http import AsyncHttpClient, HttpClient
from cathouse_client.session import Session
from cathouse_client.version import VERSION

GATEWAY = "http://localhost:8000"
"""The gateway of `make up`."""
TIMEOUT = 35.0
"""Seconds for a response: a proxied call takes 30 at most."""


class CatHouse(Services):
    """The platform, for plain code. Threads may share one.

    `address` is the gateway's. `transport` replaces httpx's own, such as in tests.
    """

    def __init__(
        self,
        address: str = GATEWAY,
        *,
        timeout: float = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._session = Session()
        self._http = HttpClient(self._session, transport=transport, **_options(address, timeout))
        super().__init__(self._http)

    @property
    def tokens(self) -> TokenPair | None:
        """The tokens of the signed-in user. Store them, and set them in a later process to stay signed in."""
        return self._session.tokens

    @tokens.setter
    def tokens(self, tokens: TokenPair | None) -> None:
        self._session.tokens = tokens

    def sign_in(self, email: str, password: str) -> None:
        """Sign in. Later calls have the access token, which is refreshed before it expires."""
        self.tokens = self.auth.login(body=SignIn(username=email, password=password))

    def sign_out(self) -> None:
        """End the session, here and on the platform."""
        tokens, self.tokens = self.tokens, None
        if tokens:
            self.auth.logout(body=RefreshRequest(refresh_token=tokens.refresh_token))

    def call_cat(
        self,
        installation_id: UUID | str,
        method: str,
        path: str,
        *,
        credential: str | None = None,
        **content: Any,
    ) -> httpx.Response:
        """Call a cat through the proxy, by the installation's credential, or as the signed-in user without one.

        `content` are arguments of `httpx.request`: `params`, `headers`, `json`, `content`. The cat's response is
        returned with any status. Raises `ProblemError` where the platform refuses the call.
        """
        url = _proxied(installation_id, path)
        return _checked(self._http.request(method, url, **_with(credential, content)))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> "CatHouse":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncCatHouse(AsyncServices):
    """The platform, for asyncio. Tasks of one event loop may share one."""

    def __init__(
        self,
        address: str = GATEWAY,
        *,
        timeout: float = TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._session = Session()
        self._http = AsyncHttpClient(
            self._session, transport=transport, **_options(address, timeout)
        )
        super().__init__(self._http)

    @property
    def tokens(self) -> TokenPair | None:
        """The tokens of the signed-in user. Store them, and set them in a later process to stay signed in."""
        return self._session.tokens

    @tokens.setter
    def tokens(self, tokens: TokenPair | None) -> None:
        self._session.tokens = tokens

    async def sign_in(self, email: str, password: str) -> None:
        """Sign in. Later calls have the access token, which is refreshed before it expires."""
        self.tokens = await self.auth.login(body=SignIn(username=email, password=password))

    async def sign_out(self) -> None:
        """End the session, here and on the platform."""
        tokens, self.tokens = self.tokens, None
        if tokens:
            await self.auth.logout(body=RefreshRequest(refresh_token=tokens.refresh_token))

    async def call_cat(
        self,
        installation_id: UUID | str,
        method: str,
        path: str,
        *,
        credential: str | None = None,
        **content: Any,
    ) -> httpx.Response:
        """Call a cat through the proxy, as `CatHouse.call_cat` does."""
        url = _proxied(installation_id, path)
        return _checked(await self._http.request(method, url, **_with(credential, content)))

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> "AsyncCatHouse":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _options(address: str, timeout: float) -> dict[str, Any]:
    url = httpx.URL(address)
    if url.scheme not in ("http", "https") or not url.host or url.path != "/" or url.query:
        raise ValueError(f"{address!r} is not the gateway's address: give one such as {GATEWAY}")
    return {
        "base_url": address,
        "timeout": timeout,
        "headers": {"User-Agent": f"cathouse-client/{VERSION}"},
    }


def _proxied(installation_id: UUID | str, path: str) -> str:
    """Return the path of a proxied call. Raises `ValueError` for one that would leave the cat."""
    relative = path.removeprefix("/")
    segments = relative.partition("?")[0].split("/")
    # httpx would resolve dots, send the credential to another route, and drop what follows #.
    if "#" in path or any(unquote(segment) in (".", "..") for segment in segments):
        raise ValueError(f"{path!r} has a segment . or .., or a #: give the path without it")
    return f"/api/v1/proxy/{quote(str(installation_id), safe='')}/{relative}"


def _with(credential: str | None, content: dict[str, Any]) -> dict[str, Any]:
    if credential is None:
        return content
    headers = httpx.Headers(content.get("headers"))
    headers["Authorization"] = f"Bearer {credential}"
    return {**content, "headers": headers}


def _checked(response: httpx.Response) -> httpx.Response:
    if problem := problem_of(response):
        raise problem
    return response
