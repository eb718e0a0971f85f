"""If an upstream service is slow or down, services report its name in time, and work again when it is back.

The process of a slow service is stopped by a signal: it accepts connections but does not respond. A service that is
down is killed, and not started again yet.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psutil
import pytest
from cathouse_kit.testing import Issuer, wait_until
from cathouse_platform.platform import PLATFORM

from .platform import Platform

pytestmark = pytest.mark.xdist_group("stack")

# An upstream service has two attempts of five seconds. These limits are below a third attempt, and below one attempt.
# They leave time for a busy machine.
SLOW_SECONDS = 14.9
DOWN_SECONDS = 4.9
LISTS = {
    "catalog": "/api/v1/catalog/cats",
    "installation": "/api/v1/installations",
    "proxy": "/api/v1/proxy/audit",
}
Ask = Callable[[], httpx.Response]


class Questions:
    """Requests, and the upstream services that each of them needs."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._adopted = platform.adopt()
        self._other_cat = platform.publish()
        for service in LISTS:
            # After this, the service knows the key of the player's token, and no longer needs auth.
            assert self.list_of(service)().status_code == 200

    def adopt(self) -> httpx.Response:
        """Installation needs the catalog."""
        wish = {"cat_id": self._other_cat["id"], "granted_scopes": ["tasks:read"]}
        path = "/api/v1/installations"
        return self._platform.call("POST", "installation", path, self._platform.player, json=wish)

    def call_cat(self) -> httpx.Response:
        """The proxy needs installation, then the catalog."""
        path = f"/api/v1/proxy/{self._adopted['installation']['id']}/tasks"
        credential = {"Authorization": f"Bearer {self._adopted['credential']}"}
        return self._platform.call("GET", "proxy", path, credential)

    def list_of(self, service: str) -> Ask:
        """It needs no other service if it knows the key of the token."""
        return lambda: self._platform.call("GET", service, LISTS[service], self._platform.player)

    def unknown_key_to(self, service: str) -> Ask:
        """It needs auth, because the key may be new. The test repeats it until the service has called auth."""

        def ask() -> httpx.Response:
            answers: list[httpx.Response] = []

            def asked_auth() -> bool:
                answers.append(
                    self._platform.call("GET", service, LISTS[service], Issuer(PLATFORM).headers())
                )
                return answers[-1].status_code != 401

            wait_until(f"{service} to ask auth", asked_auth, 15)
            return answers[-1]

        return ask


@pytest.fixture
def questions(platform: Platform) -> Questions:
    return Questions(platform)


@contextmanager
def slow(platform: Platform, *services: str) -> Iterator[None]:
    """Stop these services for a while. Afterwards they run as before."""
    processes = [platform.stack.answering_process(service) for service in services]
    try:
        for process in processes:
            process.suspend()
        yield
    finally:
        for process in processes:
            process.resume()
        wait_until("them to answer", lambda: all(map(platform.stack.ready, services)))


@contextmanager
def down(platform: Platform, *services: str) -> Iterator[None]:
    """Kill these services for a while. Afterwards they are started again."""
    supervisor = psutil.Process(platform.stack.process.pid)
    watchers = [platform.watcher(service) for service in services]
    supervisor.suspend()  # it would restart killed processes
    try:
        for service, watcher in zip(services, watchers, strict=True):
            watcher.kill()
            wait_until("its end", lambda: platform.stack.get(service, "/health") is None)  # noqa: B023
        yield
    finally:
        supervisor.resume()
        wait_until("them to be back", lambda: all(map(platform.stack.ready, services)), 180)


def blames(response: httpx.Response, peer: str, seconds: float) -> bool:
    """Return whether the response is the problem that names the upstream service, and came in time."""
    problem = response.json()
    assert response.elapsed.total_seconds() < seconds
    assert (response.status_code, problem.get("peer")) == (503, peer), response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "urn:cathouse:problem:peer_unavailable"
    return peer in problem["detail"]


def test_a_slow_catalog_is_named_in_time_and_holds_up_nobody_else(
    platform: Platform, questions: Questions
) -> None:
    with slow(platform, "catalog"), ThreadPoolExecutor() as threads:
        waiting = [threads.submit(ask) for ask in (questions.adopt, questions.call_cat)]
        for service in ("installation", "proxy"):
            response = questions.list_of(service)()
            assert response.status_code == 200
            assert response.elapsed.total_seconds() < DOWN_SECONDS
        assert all(blames(answer.result(), "catalog", SLOW_SECONDS) for answer in waiting)
    assert questions.call_cat().status_code == 200


def test_slow_auth_and_installation_are_named_in_time(
    platform: Platform, questions: Questions
) -> None:
    blamed = {
        questions.call_cat: "installation",
        questions.unknown_key_to("catalog"): "auth",
        questions.unknown_key_to("proxy"): "auth",
    }
    with slow(platform, "auth", "installation"), ThreadPoolExecutor() as threads:
        answers = threads.map(lambda ask: ask(), blamed)
        for answer, peer in zip(answers, blamed.values(), strict=True):
            assert blames(answer, peer, SLOW_SECONDS)
    assert questions.call_cat().status_code == 200


def test_auth_and_catalog_that_are_down_are_named_and_who_needs_neither_is_served(
    platform: Platform, questions: Questions
) -> None:
    with down(platform, "auth", "catalog"):
        assert blames(questions.call_cat(), "catalog", DOWN_SECONDS)
        assert blames(questions.adopt(), "catalog", DOWN_SECONDS)
        for service in ("installation", "proxy"):
            assert blames(questions.unknown_key_to(service)(), "auth", DOWN_SECONDS)
            response = questions.list_of(service)()
            assert response.status_code == 200
            assert response.elapsed.total_seconds() < DOWN_SECONDS
    assert questions.call_cat().status_code == 200
    assert questions.adopt().status_code == 201


def test_an_installation_service_that_is_down_is_named_and_the_audit_is_served(
    platform: Platform, questions: Questions
) -> None:
    with down(platform, "installation"):
        assert blames(questions.call_cat(), "installation", DOWN_SECONDS)
        assert questions.list_of("proxy")().status_code == 200
    assert questions.call_cat().status_code == 200
