"""The base classes of the generated operations: they send a request, and raise its problem or return its model."""

from collections.abc import Callable
from typing import Any, TypeVar

import httpx

from cathouse_client.errors import UnexpectedResponse, problem_of

T = TypeVar("T")


class Operations:
    """The operations of one service."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def _perform(self, request: dict[str, Any], parse: Callable[[httpx.Response], T]) -> T:
        return _model(self._http.request(**request), parse)


class AsyncOperations:
    """The operations of one service, for asyncio."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def _perform(self, request: dict[str, Any], parse: Callable[[httpx.Response], T]) -> T:
        return _model(await self._http.request(**request), parse)


def _model(response: httpx.Response, parse: Callable[[httpx.Response], T]) -> T:
    if problem := problem_of(response):
        raise problem
    try:
        return parse(response)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnexpectedResponse(response, repr(error)) from error
