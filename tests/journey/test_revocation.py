"""Every process of the proxy refuses revoked rights within a second of the response to the revocation.

Both processes are called without pauses all the time, so that their caches are as new as possible.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from cathouse_kit.testing import wait_until

from .platform import HANGS_SECONDS, Platform, Yardstick

pytestmark = pytest.mark.xdist_group("stack")

ENOUGH_REFUSALS = 20


@dataclass
class Caller:
    """Calls one process of the proxy repeatedly in a thread."""

    url: str
    credential: str
    method: str
    answers: list[tuple[float, int, str]] = field(default_factory=list)
    """The time when each call began, its status, and the problem's type."""
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {self.credential}"}
        body = {"title": "Feed the cat"} if self.method == "POST" else None
        with httpx.Client(headers=headers, timeout=HANGS_SECONDS, trust_env=False) as client:
            while not self.stop.is_set():
                began = time.monotonic()
                response = client.request(self.method, self.url, json=body)
                kind = "" if response.is_success else response.json()["type"].rpartition(":")[2]
                self.answers.append((began, response.status_code, kind))

    def succeeds(self) -> bool:
        return bool(self.answers) and self.answers[-1][1] < 300

    def is_refused(self) -> bool:
        last = self.answers[-ENOUGH_REFUSALS:]
        return len(last) == ENOUGH_REFUSALS and all(status >= 400 for _, status, _ in last)

    def last_success(self) -> float:
        return max(began for began, status, _ in self.answers if status < 300)


@contextmanager
def calling(platform: Platform, adopted: dict[str, Any], method: str) -> Iterator[list[Caller]]:
    """Start callers of all processes of the proxy. Yield when each has succeeded once."""
    path = f"/api/v1/proxy/{adopted['installation']['id']}/tasks"
    callers = [Caller(url + path, adopted["credential"], method) for url in platform.proxies]
    threads = [threading.Thread(target=caller.run) for caller in callers]
    for thread in threads:
        thread.start()
    try:
        wait_until("the calls to get through", lambda: all(c.succeeds() for c in callers))
        yield callers
    finally:
        for caller in callers:
            caller.stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    ("method", "path", "body", "called", "refusal"),
    [
        ("POST", "/pause", None, "GET", (403, "installation_paused")),
        ("DELETE", "", None, "GET", (403, "installation_uninstalled")),
        ("PUT", "/scopes", {"granted_scopes": ["tasks:read"]}, "POST", (403, "scope_missing")),
        ("POST", "/credential", None, "GET", (401, "unknown_credential")),
    ],
    ids=["pause", "uninstall", "narrowed scope", "rotated credential"],
)
def test_revoked_rights_are_refused_everywhere_within_a_second(
    platform: Platform,
    record_property: Callable[[str, object], None],
    method: str,
    path: str,
    body: dict[str, Any] | None,
    called: str,
    refusal: tuple[int, str],
) -> None:
    adopted = platform.adopt()
    url = f"/api/v1/installations/{adopted['installation']['id']}{path}"
    with Yardstick(platform.proxies[0]) as machine, calling(platform, adopted, called) as callers:
        platform.done(method, "installation", url, platform.player, json=body)
        answered = time.monotonic()
        wait_until("refusals", lambda: all(c.is_refused() for c in callers))
    for process, caller in zip(("first", "second"), callers, strict=True):
        seconds = caller.last_success() - answered
        record_property(f"seconds until the {process} proxy refused", round(seconds, 3))
        assert seconds < machine.allowed
        refusals = {answer[1:] for answer in caller.answers if answer[1] >= 400}
        # The proxy limits callers without a valid credential by address.
        assert refusals - {(429, "too_many_requests")} == {refusal}


def test_restored_rights_work_again_everywhere(platform: Platform) -> None:
    adopted = platform.adopt()
    url = f"/api/v1/installations/{adopted['installation']['id']}"
    with Yardstick(platform.proxies[0]) as machine, calling(platform, adopted, "GET") as callers:
        platform.done("POST", "installation", f"{url}/pause", platform.player)
        wait_until("refusals", lambda: all(c.is_refused() for c in callers))
        platform.done("POST", "installation", f"{url}/resume", platform.player)
        answered = time.monotonic()
        wait_until("the calls to get through", lambda: all(c.succeeds() for c in callers))
    for caller in callers:
        first = min(
            began for began, status, _ in caller.answers if began > answered and status < 300
        )
        assert first - answered < machine.allowed


def test_a_new_credential_works_everywhere_at_once(platform: Platform) -> None:
    adopted = platform.adopt()
    installation = adopted["installation"]["id"]
    url = f"/api/v1/installations/{installation}/credential"
    with calling(platform, adopted, "GET"):
        new = platform.done("POST", "installation", url, platform.player)["credential"]
        for proxy in platform.proxies:
            response = platform.client.get(
                f"{proxy}/api/v1/proxy/{installation}/tasks",
                headers={"Authorization": f"Bearer {new}"},
            )
            assert response.status_code == 200, response.text
