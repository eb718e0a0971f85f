"""A service that others need is slow, or gone: they say so, with its name, in time, and go on when it is back.

What is slow has its process stopped: it takes connections and says nothing. What is down has been killed, and is not
started again yet.
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

# An upstream service has five seconds to respond, and two attempts. Less than a third one, and less than one of them: a
# busy machine needs part of it.
SLOW_SECONDS = 14.9
DOWN_SECONDS = 4.9
LISTS = {
    "catalog": "/api/v1/catalog/cats",
    "installation": "/api/v1/installations",
    "proxy": "/api/v1/proxy/audit",
}
Ask = Callable[[], httpx.Response]


class Questions:
    """What can be asked, and whom the service that is asked needs for the answer."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._adopted = platform.adopt()
        self._other_cat = platform.publish()
        for service in LISTS:
            # From here on it knows the key of the player's token, and needs auth no more.
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
        """It needs nobody, when it knows the key of the token."""
        return lambda: self._platform.call("GET", service, LISTS[service], self._platform.player)

    def unknown_key_to(self, service: str) -> Ask:
        """It needs auth, for the key may be new. Auth is not asked for each such token: other answers do not count."""

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
    """These services say nothing for a while; they are as before when it is over."""
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
    """These services are gone for a while, and have been started again when it is over."""
    supervisor = psutil.Process(platform.stack.process.pid)
    watchers = [platform.watcher(service) for service in services]
    supervisor.suspend()  # it would start what is killed again, sooner or later
    try:
        for service, watcher in zip(services, watchers, strict=True):
            watcher.kill()
            wait_until("its end", lambda: platform.stack.get(service, "/health") is None)  # noqa: B023
        yield
    finally:
        supervisor.resume()
        wait_until("them to be back", lambda: all(map(platform.stack.ready, services)), 180)


def blames(response: httpx.Response, peer: str, seconds: float) -> bool:
    """Whether this is the problem that names the peer, and came in time."""
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
