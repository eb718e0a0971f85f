"""Calls to other services: one pooled client for each, with time limits, and one retry of idempotent requests."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import stamina
from pydantic import BaseModel, SecretStr, ValidationError

from cathouse_kit.context import RequestContext, TraceContext, current_request
from cathouse_kit.problems import ServiceUnavailable

if TYPE_CHECKING:
    from cathouse_kit.tracing import Tracing

M = TypeVar("M", bound=BaseModel)

TIMEOUT = httpx.Timeout(5.0, connect=1.0, pool=1.0)
# The limit for one whole attempt. The times above start again with every received byte.
ATTEMPT_SECONDS = 10.0
LIMITS = httpx.Limits(max_connections=50, max_keepalive_connections=20)
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_UNAVAILABLE = frozenset({502, 503, 504})


class PeerUnavailable(ServiceUnavailable):
    """Another service does not respond, or its response cannot be used."""

    title = "Another service does not respond"
    detail = "An upstream service does not respond. Try again after the seconds in the Retry-After header."

    def __init__(self, service: str) -> None:
        super().__init__(
            f"The upstream service {service} does not respond correctly. "
            "Try again after the seconds in the Retry-After header.",
            peer=service,
        )


@cache
def _certificates() -> ssl.SSLContext:
    """Return the trusted authorities. All clients share them, because loading them costs 10 ms."""
    return httpx.create_ssl_context(trust_env=False)


class _TryAgain(Exception):
    """The service did not respond, but a retry may succeed."""


class ServiceClient:
    """A client of one other service.

    Only requests to `/internal` routes contain the service token. If a service refuses the newest token, the client
    sends the previous one.
    """

    def __init__(
        self,
        name: str,
        url: str,
        service_tokens: Sequence[SecretStr],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        tracing: "Tracing | None" = None,
    ) -> None:
        self.name = name
        self._service_tokens = service_tokens
        self._tracing = tracing
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=TIMEOUT,
            limits=LIMITS,
            transport=transport,
            trust_env=False,
            verify=transport is None and httpx.URL(url).scheme == "https" and _certificates(),
        )

    async def request(
        self, method: str, path: str, *, json: Any = None, idempotent: bool | None = None
    ) -> httpx.Response:
        """Send a request and return the response, including 4xx.

        `idempotent` allows a POST to be repeated. Raises `PeerUnavailable` if the service is down, slow, or responds
        with 5xx.
        """
        repeatable = method in _IDEMPOTENT if idempotent is None else idempotent
        try:
            async for attempt in stamina.retry_context(
                on=_TryAgain,
                attempts=2 if repeatable else 1,
                wait_initial=0.05,
                wait_jitter=0.1,
                wait_max=0.2,
                timeout=None,
            ):
                with attempt:
                    return await self._send(method, path, json)
        except _TryAgain as error:
            raise PeerUnavailable(self.name) from error.__cause__ or error
        raise PeerUnavailable(self.name)  # pragma: no cover - the loop returns or raises

    async def _send(self, method: str, path: str, json: Any) -> httpx.Response:
        request = current_request.get()
        parent = request.trace if request else None
        span = (
            self._tracing.client_span(method, path, self.name, parent)
            if self._tracing
            else nullcontext(parent or TraceContext.start())
        )
        with span as position:
            headers = (
                RequestContext(request.request_id, position).headers()
                if request
                else {"traceparent": position.traceparent}
            )
            try:
                async with asyncio.timeout(ATTEMPT_SECONDS):
                    response = await self._authorized(method, path, json, headers)
            except (httpx.RequestError, TimeoutError) as error:
                raise _TryAgain from error
            # Raised within the span, so that the exception marks the span as failed.
            if response.status_code in _UNAVAILABLE:
                raise _TryAgain(
                    f"the response to {method} {path} has status {response.status_code}"
                )
            if response.is_server_error or response.has_redirect_location:
                raise PeerUnavailable(self.name)
            return response

    async def _authorized(
        self, method: str, path: str, json: Any, headers: dict[str, str]
    ) -> httpx.Response:
        if "/internal/" not in path:
            return await self._client.request(method, path, json=json, headers=headers)
        for token in self._service_tokens:
            authorization = {"Authorization": f"Bearer {token.get_secret_value()}"}
            response = await self._client.request(
                method, path, json=json, headers=headers | authorization
            )
            # The request was refused before it had an effect, so any method is safe to repeat.
            if response.status_code != httpx.codes.UNAUTHORIZED:
                break
        return response

    async def get_json(self, path: str) -> Any:
        """Return the JSON of a GET. Raises `PeerUnavailable` if the status is not 2xx or the body is not JSON."""
        return self._json_of(await self.request("GET", path))

    def read(self, response: httpx.Response, model: type[M]) -> M:
        """Return the body of a response. Raises `PeerUnavailable` if the status is not 2xx or the body is wrong."""
        try:
            return model.model_validate(self._json_of(response))
        except ValidationError as error:
            raise PeerUnavailable(self.name) from error

    def _json_of(self, response: httpx.Response) -> Any:
        try:
            return response.raise_for_status().json()
        except (httpx.HTTPStatusError, ValueError) as error:
            raise PeerUnavailable(self.name) from error

    async def close(self) -> None:
        await self._client.aclose()
