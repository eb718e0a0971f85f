"""Odd and heavy requests to every route get a described response, and do not block other requests."""

from collections.abc import Callable

from cathouse_kit.problems import MEDIA_TYPE
from cathouse_kit.registry import Service
from fastapi import FastAPI
from hypothesis import given, settings

from ..contracts.surroundings import Surroundings
from ..contracts.test_openapi_descriptions import SOME
from .conftest import Count
from .inputs import heavy, operations, requests
from .probed import Answer, Probed, Request, probed

# The number of requests is for each operation.
_EXAMPLES = 40
_LONGEST_BLOCK_SECONDS = 0.1


def test_odd_requests_get_responses_and_do_not_block(
    service: Service, make: Callable[[], FastAPI], surroundings: Surroundings, count: Count
) -> None:
    app = make()
    callers = list(surroundings.callers.values())
    with probed(app) as service_at_hand:
        for operation in operations(app.openapi()):

            @settings(SOME, max_examples=_EXAMPLES)
            @given(requests(operation, surroundings.known, callers))
            def ask(request: Request) -> None:
                count()
                check(service_at_hand, request)

            ask()


def test_heavy_requests_get_responses_and_do_not_block(
    service: Service, make: Callable[[], FastAPI], surroundings: Surroundings, count: Count
) -> None:
    app = make()
    callers = [surroundings.callers[who] for who in ("nobody", next(iter(surroundings.callers)))]
    failures = []
    with probed(app) as service_at_hand:
        for operation in operations(app.openapi()):
            for request in heavy(operation, surroundings.known, callers):
                count()
                try:
                    check(service_at_hand, request)
                except AssertionError as error:
                    failures.append(f"{operation.label}: {error}")
    assert failures == []


def check(service: Probed, request: Request) -> None:
    """Send a request. Raises `AssertionError` if it fails, is refused without a problem, or blocks the service."""
    answer, blocked = service.ask(request)
    if blocked > _LONGEST_BLOCK_SECONDS:
        # Try again, because the garbage collector or a first use may take long once.
        answer, again = service.ask(request)
        blocked = min(blocked, again)
    what = f"{request.query[:40]!r} {request.body[:60]!r} ({len(request.body)} bytes)"
    assert answer.status < 500, f"{answer.status} for {what}: {answer.body[:200]!r}"
    assert _is_ours(answer), f"{answer.status} {answer.media_type} for {what}"
    assert blocked <= _LONGEST_BLOCK_SECONDS, f"blocked {blocked * 1000:.0f} ms by {what}"


def _is_ours(answer: Answer) -> bool:
    return answer.status < 400 or answer.media_type == MEDIA_TYPE or not answer.body
