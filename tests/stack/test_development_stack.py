"""`make up` works as a whole, in a folder whose name has a space and an é."""

import re
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest
from cathouse_kit.registry import load_registry
from cathouse_kit.testing import wait_until

from .stack import ROOT, Stack, stack_in

SERVICES = tuple(service.name for service in load_registry(ROOT / "services.toml"))
pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_in(tmp_path_factory.mktemp("stack") / "Cat House é") as stack:
        stack.start()
        stack.wait_until_up()
        yield stack


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_ready_on_its_port(stack: Stack, name: str) -> None:
    response = stack.get(name, "/api/v1/health/ready")
    assert response is not None
    assert response.status_code == 200
    assert response.json()["service"] == name


def test_the_table_says_where_the_services_and_their_docs_are(stack: Stack) -> None:
    for name in SERVICES:
        row = re.search(
            rf"\b{name} +(http://\S+) +(http://\S+) +\d\d:\d\d:\d\d +ready", stack.said()
        )
        assert row, f"no row for {name} in:\n{stack.said()}"
        assert row[1] == stack.url(name)
        assert httpx.get(row[2], timeout=60, trust_env=False).status_code == 200


def test_the_services_are_forked_from_one_process(stack: Stack) -> None:
    (server,) = {stack.answering_process(name).ppid() for name in SERVICES}
    assert "cathouse_kit.fork_server" in psutil.Process(server).cmdline()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def starts(stack: Stack) -> dict[str, float | None]:
    return {name: stack.started(name) for name in SERVICES}


def restarted(stack: Stack, before: dict[str, float | None]) -> set[str]:
    now = starts(stack)
    return {name for name in SERVICES if now[name] is not None and now[name] != before[name]}


def test_a_change_in_a_service_restarts_that_service_alone(stack: Stack) -> None:
    before = starts(stack)
    router = stack.folder / "services/auth/cathouse_auth/routers/keys.py"
    edit(router, "Public keys of access tokens", "Keys that are public")

    def changed() -> bool:
        response = stack.get("auth", "/api/v1/openapi.json")
        return response is not None and "Keys that are public" in response.text

    wait_until("auth to answer with the change", changed)
    assert restarted(stack, before) == {"auth"}


def test_a_change_in_the_kit_restarts_all_of_them(stack: Stack) -> None:
    before = starts(stack)
    health = stack.folder / "kit/cathouse_kit/health.py"
    edit(health, "Check whether the process is alive", "Check whether it is alive")
    wait_until("all to restart", lambda: restarted(stack, before) == set(SERVICES))
    for name in SERVICES:
        response = stack.get(name, "/api/v1/openapi.json")
        assert response is not None
        assert "Check whether it is alive" in response.text


def test_a_syntax_error_is_logged_until_it_is_fixed(stack: Stack) -> None:
    main = stack.folder / "services/catalog/cathouse_catalog/main.py"
    good = main.read_text()
    main.write_text(good + "\nthis is no Python\n")
    wait_until("the error in the log", lambda: "SyntaxError" in stack.log("catalog"))
    wait_until("catalog to be down", lambda: stack.get("catalog", "/health") is None)
    main.write_text(good)
    wait_until("catalog to come back", lambda: stack.ready("catalog"))


def test_a_service_that_is_killed_comes_back(stack: Stack) -> None:
    before = stack.started("installation")
    stack.answering_process("installation").kill()
    wait_until(
        "installation to come back",
        lambda: stack.ready("installation") and stack.started("installation") != before,
    )


def test_a_service_whose_watcher_is_killed_comes_back(stack: Stack) -> None:
    before = stack.started("proxy")
    watcher = next(
        process
        for process in stack.descendants()
        if process.cmdline()[1:4] == ["-m", "cathouse_proxy", "serve"]
    )
    watcher.kill()
    wait_until(
        "proxy to come back", lambda: stack.ready("proxy") and stack.started("proxy") != before
    )


def test_people_survive_a_restart_of_the_database(stack: Stack) -> None:
    person = {"email": "ada@example.com", "password": "correct horse battery"}
    registered = httpx.post(
        f"{stack.url('auth')}/api/v1/auth/register",
        json=person | {"display_name": "Ada"},
        timeout=60,
        trust_env=False,
    )
    assert registered.status_code == 201, registered.text
    assert stack.run("process", "restart", "postgres").returncode == 0

    signed_in: list[httpx.Response] = []

    def sign_in() -> bool:
        response = httpx.post(
            f"{stack.url('auth')}/api/v1/auth/login",
            data={"username": person["email"], "password": person["password"]},
            timeout=60,
            trust_env=False,
        )
        assert response.status_code in (200, 503), response.text
        signed_in.append(response)
        return response.status_code == 200

    wait_until("the database to be back", sign_in)
    tokens = signed_in[-1].json()
    me = httpx.get(
        f"{stack.url('auth')}/api/v1/auth/me",
        headers={"Authorization": f"Bearer {tokens['access_token']}"},
        timeout=60,
        trust_env=False,
    )
    assert me.json() == registered.json()


def postmaster(stack: Stack) -> psutil.Process:
    pid_file = stack.folder / ".state/postgres/postmaster.pid"
    return psutil.Process(int(pid_file.read_text().split()[0]))


def backend(stack: Stack) -> psutil.Process:
    """Return a process of PostgreSQL that serves a connection."""
    # Each service keeps a connection for its readiness.
    processes = wait_until(
        "a connection",
        lambda: [p for p in postmaster(stack).children() if " cathouse " in "".join(p.cmdline())],
    )
    return processes[0]


@pytest.mark.parametrize("victim", [backend, postmaster])
def test_postgresql_comes_back_each_time_that_it_is_killed(
    stack: Stack, victim: Callable[[Stack], psutil.Process]
) -> None:
    for _ in range(5):
        killed = victim(stack)
        killed.kill()
        wait_until("the process to end", partial(_ended, killed))
        wait_until(
            "every service to be ready again", lambda: all(stack.ready(name) for name in SERVICES)
        )


def _ended(process: psutil.Process) -> bool:
    return not process.is_running()


def test_it_prints_no_secret(stack: Stack) -> None:
    secrets = [
        path.read_text().strip()
        for path in (stack.folder / ".state/secrets").rglob("*")
        if path.is_file()
    ]
    assert len(secrets) >= 5
    for secret in secrets:
        hidden = secret.partition("://")[2].partition(":")[2].partition("@")[0] or secret
        assert hidden not in stack.said()


def test_ctrl_c_stops_everything(stack: Stack) -> None:
    """Must be the last test of this stack, because it stops the stack."""
    running = stack.descendants()
    assert len(running) > len(SERVICES)
    assert stack.stop(signal.SIGINT) == 0
    left = [
        process
        for process in running
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]
    assert left == []
    assert not (stack.folder / ".state/postgres/postmaster.pid").exists()
