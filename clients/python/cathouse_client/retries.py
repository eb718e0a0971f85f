"""When a request may be sent again, and after how many seconds."""

import random

import httpx

from cathouse_client.errors import problem_of

_ATTEMPTS = 3
LONGEST_WAIT = 10.0
"""Seconds. A caller who is to wait for longer gets the problem, with its `retry_after`."""
_IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}


def attempts_for(request: httpx.Request) -> int:
    """Return how often this request, which was not sent yet, may be sent."""
    # Another kind of stream is consumed by the first attempt.
    return _ATTEMPTS if isinstance(request.stream, httpx.ByteStream) else 1


def wait_after_error(
    request: httpx.Request, error: httpx.TransportError, attempt: int
) -> float | None:
    """Return the seconds to wait, or None where the request must not be sent again."""
    # Without a connection, nothing was sent.
    unsent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
    again = (unsent or _is_idempotent(request)) and not isinstance(error, httpx.ReadTimeout)
    return _backoff(attempt) if again else None


def wait_after_response(response: httpx.Response, attempt: int) -> float | None:
    """Return the seconds to wait, or None where this response is the last."""
    problem = problem_of(response)
    if problem is None:
        return None
    # 429 refuses a request before anything is done.
    if not (
        problem.status == 429
        or (problem.status in (502, 503, 504) and _is_idempotent(response.request))
    ):
        return None
    wait = _backoff(attempt) if problem.retry_after is None else problem.retry_after
    return wait if wait <= LONGEST_WAIT else None


def _is_idempotent(request: httpx.Request) -> bool:
    return request.method in _IDEMPOTENT or "Idempotency-Key" in request.headers


def _backoff(attempt: int) -> float:
    return float(0.2 * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - spreads clients, hides nothing
