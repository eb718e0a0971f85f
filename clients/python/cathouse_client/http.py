"""httpx clients that add the access token, refresh it, and send requests again where that is safe."""

import asyncio
import threading
from asyncio import sleep as sleep_async
from time import sleep
from typing import Any

import httpx

from cathouse_client.errors import Unreachable
from cathouse_client.generated.models import TokenPair
from cathouse_client.retries import attempts_for, wait_after_error, wait_after_response
from cathouse_client.session import REFRESH_PATH, Session, authorize, refuses_token


class HttpClient(httpx.Client):
    """The client behind `CatHouse`."""

    def __init__(self, session: Session, **options: Any) -> None:
        super().__init__(**options)
        self._session = session
        self._refreshing = threading.Lock()

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        attempts = attempts_for(request)
        tokens = self._session.tokens_for(request)
        if tokens is None:
            return self._try(request, attempts, **options)
        if self._session.ends_soon():
            tokens = self._refreshed(tokens)
        authorize(request, tokens)
        response = self._try(request, attempts, **options)
        if attempts > 1 and refuses_token(response):
            authorize(request, self._refreshed(tokens))
            response = self._try(request, attempts, **options)
        return response

    def _refreshed(self, used: TokenPair) -> TokenPair:
        """Return newer tokens than those used. Of many calls at once, the first refreshes and the others wait."""
        with self._refreshing:
            if self._session.is_current(used):
                body = {"refresh_token": used.refresh_token}
                self._session.take(self.post(REFRESH_PATH, json=body))
        return self._session.tokens or used

    def _try(self, request: httpx.Request, attempts: int, **options: Any) -> httpx.Response:
        attempt = 1
        while True:
            try:
                response = super().send(request, **options)
            except httpx.TransportError as error:
                wait = wait_after_error(request, error, attempt) if attempt < attempts else None
                if wait is None:
                    raise Unreachable(request, error) from error
            else:
                wait = wait_after_response(response, attempt) if attempt < attempts else None
                if wait is None:
                    return response
            sleep(wait)
            attempt += 1


class AsyncHttpClient(httpx.AsyncClient):
    """The client behind `AsyncCatHouse`."""

    def __init__(self, session: Session, **options: Any) -> None:
        super().__init__(**options)
        self._session = session
        self._refreshing = asyncio.Lock()

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        attempts = attempts_for(request)
        tokens = self._session.tokens_for(request)
        if tokens is None:
            return await self._try(request, attempts, **options)
        if self._session.ends_soon():
            tokens = await self._refreshed(tokens)
        authorize(request, tokens)
        response = await self._try(request, attempts, **options)
        if attempts > 1 and refuses_token(response):
            authorize(request, await self._refreshed(tokens))
            response = await self._try(request, attempts, **options)
        return response

    async def _refreshed(self, used: TokenPair) -> TokenPair:
        """Return newer tokens than those used. Of many calls at once, the first refreshes and the others wait."""
        async with self._refreshing:
            if self._session.is_current(used):
                body = {"refresh_token": used.refresh_token}
                self._session.take(await self.post(REFRESH_PATH, json=body))
        return self._session.tokens or used

    async def _try(self, request: httpx.Request, attempts: int, **options: Any) -> httpx.Response:
        attempt = 1
        while True:
            try:
                response = await super().send(request, **options)
            except httpx.TransportError as error:
                wait = wait_after_error(request, error, attempt) if attempt < attempts else None
                if wait is None:
                    raise Unreachable(request, error) from error
            else:
                wait = wait_after_response(response, attempt) if attempt < attempts else None
                if wait is None:
                    return response
            await sleep_async(wait)
            attempt += 1
