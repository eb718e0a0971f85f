import sys
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from cathouse_kit.registry import Service
from cathouse_stack import restart as module
from cathouse_stack.errors import StackError
from cathouse_stack.ports import Endpoint
from cathouse_stack.restart import restart
from cathouse_stack.status import Status

OLD = datetime(2026, 1, 1)
NEW = OLD + timedelta(seconds=5)
SUCCEEDS = [sys.executable, "-c", "import sys; assert sys.argv[1:] == ['auth']"]


@pytest.fixture
def endpoint(services: tuple[Service, ...]) -> Endpoint:
    return Endpoint(services[0], 1)


def states(
    monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint, *found: tuple[str, datetime | None]
) -> None:
    """Let the service report these states one after the other, and then always the last one."""

    def each() -> Iterator[Status]:
        for state, started in found:
            yield Status(endpoint, state, started)
        while True:
            yield Status(endpoint, *found[-1])

    iterator = each()
    monkeypatch.setattr(module, "statuses", lambda endpoints: [next(iterator)])


@pytest.mark.parametrize("before", [("ready", OLD), ("down", None)])
def test_restart_waits_for_the_new_process(
    monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint, before: tuple[str, datetime | None]
) -> None:
    states(monkeypatch, endpoint, before, before, ("not ready: database", NEW), ("ready", NEW))
    assert restart(endpoint, SUCCEEDS) > 0


def test_the_error_of_the_runner_is_passed_on(
    monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint
) -> None:
    states(monkeypatch, endpoint, ("ready", OLD))
    with pytest.raises(StackError, match="cannot restart auth: no such process"):
        restart(endpoint, [sys.executable, "-c", "import sys; sys.exit('no such process')"])


def test_a_service_that_does_not_become_ready_is_reported_with_its_log(
    monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint
) -> None:
    states(monkeypatch, endpoint, ("ready", OLD), ("down", None))
    with pytest.raises(
        StackError, match=r"\(down\)\. Read the reason in its log: make logs SERVICE=auth$"
    ):
        restart(endpoint, SUCCEEDS, seconds=0.1)
