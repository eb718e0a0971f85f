"""Proxied calls are counted by outcome, in the words of the audit, and cats that are cut off are counted too."""

from collections import Counter
from uuid import uuid4

import httpx
from cathouse_proxy.services.admission.breaker import RECENT_SECONDS, CircuitBreaker
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from .support import VERIFY, Clock, FakePlatform, Remake, Rows, ScriptedCat

ANN, BEN = uuid4(), uuid4()


def sample(app: FastAPI, name: str, **labels: str) -> float | None:
    registry: CollectorRegistry = app.state.context.metrics.registry
    return registry.get_sample_value(name, labels)


async def test_each_call_counts_once_with_the_outcome_of_its_audit_row(
    app: FastAPI, client: httpx.AsyncClient, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    assert sample(app, "proxy_calls_total", outcome="answered") == 0
    await client.get(platform.path())
    cat.answer = b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n"
    await client.get(platform.path())
    cat.answer = b"nonsense\r\n\r\n"
    await client.get(platform.path())
    await client.get(platform.path("admin"))
    outcomes = Counter(row["outcome"] for row in await rows())
    assert outcomes == {"answered": 2, "cat_answer_broken": 1, "scope_missing": 1}
    for outcome, number in outcomes.items():
        assert sample(app, "proxy_calls_total", outcome=outcome) == number


async def test_calls_without_an_audit_row_count_too(
    app: FastAPI, client: httpx.AsyncClient, platform: FakePlatform
) -> None:
    platform.fake_services.on("POST", VERIFY, httpx.ConnectError("down"))
    await client.get(platform.path())
    assert sample(app, "proxy_calls_total", outcome="peer_unavailable") == 1
    labels = {"problem": "peer_unavailable", "upstream": "installation"}
    assert sample(app, "http_problems_total", **labels) == 1


def test_cats_that_are_cut_off_count_until_they_get_no_calls(clock: Clock) -> None:
    breaker = CircuitBreaker(clock)
    broken, sound = uuid4(), uuid4()
    breaker.enter(sound, ANN).close(failed=True)
    for number in range(20):
        breaker.enter(broken, (ANN, BEN)[number % 2]).close(failed=True)
    assert breaker.count_cut_off() == 1
    clock.now += RECENT_SECONDS - 1
    breaker.enter(broken, ANN).close(failed=True)
    clock.now += RECENT_SECONDS - 1
    assert breaker.count_cut_off() == 1
    clock.now += 1
    assert breaker.count_cut_off() == 0


async def test_the_metrics_have_the_number_of_cats_that_are_cut_off(
    app: FastAPI, remake: Remake, client: httpx.AsyncClient
) -> None:
    assert sample(app, "proxy_cats_cut_off") == 0
