"""Tokens, revocations, the audit and rate limits work when a running service's clock is moved."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from cathouse_kit.registry import load_registry
from cathouse_kit.testing import wait_until

from ..stack.stack import ROOT, Stack
from .clocks import move_clock, with_own_clocks
from .ledger import Ledger
from .load import Adopted, Worker, play_once
from .target import ADMIN, PASSWORD, Target, running_target
from .verification import Findings, verify

SERVICES = tuple(service.name for service in load_registry(ROOT / "services.toml"))
_SECONDS = 90
_CALLS_A_MINUTE = 40
_AUTH = "/api/v1/auth"
_FOR_ADMINS = {
    "auth": f"{_AUTH}/users",
    "catalog": "/api/v1/catalog/admin-actions",
    "installation": "/api/v1/installations",
    "proxy": "/api/v1/proxy/audit",
}
"""A route of each service that an admin may read. The last two return the data of the caller."""


def _prepare(stack: Stack) -> None:
    with_own_clocks(stack)
    stack.environment["RATE_LIMIT_PER_INSTALLATION"] = f"{_CALLS_A_MINUTE}/minute"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with running_target(tmp_path_factory.mktemp("clocks") / "copy", _prepare) as target:
        yield target


@pytest.fixture(params=(_SECONDS, -_SECONDS), ids=("ahead", "behind"))
def seconds(request: pytest.FixtureRequest) -> int:
    moved: int = request.param
    return moved


@pytest.fixture
def moved(request: pytest.FixtureRequest, target: Target, seconds: int) -> Iterator[str]:
    """The service whose clock is moved while a test runs."""
    service: str = request.param
    move_clock(target, service, seconds)
    yield service
    move_clock(target, service, 0)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def worker(target: Target, ledger: Ledger) -> Iterator[Worker]:
    worker = Worker(target, ledger, threading.Event())
    with closing(worker.client):
        yield worker


class Client:
    """Sends requests to the relays, with long timeouts because the machine may be busy."""

    def __init__(self, target: Target, client: httpx.Client) -> None:
        self._target = target
        self._client = client

    def send(
        self, method: str, service: str, path: str, headers: dict[str, str], **content: Any
    ) -> httpx.Response:
        url = self._target.url(service) + path
        return self._client.request(method, url, headers=headers, **content)

    def sign_in(self, email: str) -> dict[str, str]:
        """Return the headers of a person who has signed in."""
        form = {"username": email, "password": PASSWORD}
        tokens = self.send("POST", "auth", f"{_AUTH}/login", {}, data=form).json()
        return {"Authorization": f"Bearer {tokens['access_token']}"}

    def statuses(self, headers: dict[str, str]) -> dict[str, int]:
        """Return the response of each service to a person who reads a route for admins."""
        return {
            service: self.send("GET", service, path, headers).status_code
            for service, path in _FOR_ADMINS.items()
        }

    def call(self, adopted: Adopted) -> httpx.Response:
        path = f"/api/v1/proxy/{adopted.installation_id}/tasks"
        return self.send("GET", "proxy", path, {"Authorization": f"Bearer {adopted.credential}"})


@pytest.fixture
def client(target: Target, worker: Worker) -> Client:
    return Client(target, worker.client)


# Without the proxy: its clock sets the minute in which a cat's token is valid.
@pytest.mark.parametrize("moved", sorted(set(SERVICES) - {"proxy"}), indirect=True)
def test_people_work_as_always(target: Target, moved: str, ledger: Ledger) -> None:
    play_once(target, ledger)
    assert asyncio.run(verify(target, ledger)) == Findings()
    assert ledger.unexpected == []


@pytest.mark.parametrize("moved", SERVICES, indirect=True)
def test_a_demoted_or_disabled_person_is_refused_by_every_service(
    client: Client, moved: str, worker: Worker
) -> None:
    admin, email = client.sign_in(ADMIN), worker.join("player").email
    person_id = client.send("GET", "auth", f"{_AUTH}/me", client.sign_in(email)).json()["id"]

    def change(**changes: Any) -> None:
        path = f"{_AUTH}/users/{person_id}"
        client.send("PATCH", "auth", path, admin, json=changes).raise_for_status()

    change(role="admin")
    before = client.sign_in(email)
    assert client.statuses(before) == dict.fromkeys(_FOR_ADMINS, 200)
    change(role="player")
    wait_until(
        "every service to refuse the old token; auth asks its database for the role",
        lambda: client.statuses(before) == dict.fromkeys(_FOR_ADMINS, 401) | {"auth": 403},
    )
    now = client.sign_in(email)
    as_player = {"auth": 403, "catalog": 403, "installation": 200, "proxy": 200}
    assert client.statuses(now) == as_player
    change(is_active=False)
    wait_until(
        "every service to refuse a disabled person",
        lambda: client.statuses(now) == dict.fromkeys(_FOR_ADMINS, 403),
    )


@pytest.mark.parametrize("moved", ["proxy"], indirect=True)
def test_a_cat_with_another_time_refuses_calls_and_says_why(
    client: Client, moved: str, worker: Worker, seconds: int
) -> None:
    adopted = worker.adopt()
    responses = [client.call(adopted) for _ in range(3)]
    reason = "not yet valid" if seconds > 0 else "expired"
    assert [response.status_code for response in responses] == [401] * 3
    assert all(reason in response.text for response in responses), responses[0].text
    audit = client.send("GET", "proxy", "/api/v1/proxy/audit", adopted.player.headers).json()
    newest_first = [response.headers["X-Request-ID"] for response in reversed(responses)]
    assert [row["request_id"] for row in audit["items"]] == newest_first


@pytest.mark.parametrize("moved", ["proxy"], indirect=True)
def test_a_rate_limit_lets_as_many_pass_and_says_how_long_to_wait(
    target: Target, client: Client, moved: str, worker: Worker, seconds: int
) -> None:
    adopted = worker.adopt()
    passed = 0
    while (response := client.call(adopted)).status_code != 429:
        passed += 1
    assert passed >= _CALLS_A_MINUTE
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    # In the middle of the window, the clock moves by the same time again.
    move_clock(target, moved, 2 * seconds)
    response = client.call(adopted)
    if response.status_code == 429:
        assert 1 <= int(response.headers["Retry-After"]) <= 60 + _SECONDS
