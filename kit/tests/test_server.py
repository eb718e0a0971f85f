import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from cathouse_kit.cli import serve_package
from cathouse_kit.server import PortTakenError, serve
from cathouse_kit.testing import RevocationList, eventually, identity_server
from fastapi import FastAPI

from .conftest import Logged, MakeApp
from .support import NO_DATABASE, TOKEN, ServiceProcess, running_package

MakeService = Callable[..., ServiceProcess]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


async def begun(service: ServiceProcess) -> None:
    async def began() -> bool:
        return (service.root / "slow-began").exists()

    await eventually(f"the slow request to begin; stderr: {service.stderr}", began)


@pytest.fixture
async def running_database(empty_database: str) -> AsyncIterator[str]:
    """The URL of a database that has the migrations of the served package."""
    connection = await asyncpg.connect(empty_database)
    await connection.execute(
        "create schema running;create table running.alembic_version as select '0001' as version_num"
    )
    yield empty_database
    await connection.execute("drop schema running cascade")
    await connection.close()


@pytest.fixture
def people_url() -> Iterator[str]:
    """A fake identity service. Without it, the service is not ready."""
    with identity_server(RevocationList()) as url:
        yield url


async def test_after_sigterm_readiness_is_503_requests_finish_and_the_status_is_0(
    service_process: MakeService, tmp_path: Path, running_database: str, people_url: str
) -> None:
    running_package(tmp_path)
    service = service_process(
        "cathouse_running", DATABASE_URL=running_database, PEOPLE_URL=people_url
    )
    process = service.start("serve")
    await service.responds("/response", "first")
    async with service.client() as client:
        assert (await client.get("/health/ready")).status_code == 200
        slow = asyncio.create_task(client.get("/slow"))
        await begun(service)
        process.send_signal(signal.SIGTERM)

        async def not_ready() -> bool:
            return (await client.get("/health/ready")).status_code == 503

        await eventually("readiness to be refused", not_ready)
        # New requests get responses until the last older request has its response.
        assert (await client.get("/response")).json() == "first"
        assert not slow.done()
        (tmp_path / "slow-may-end").touch()
        assert (await slow).json() == "slow, but whole"
    assert await service.exit_status() == 0
    assert '"message":"stopped"' in service.stdout
    assert service.stderr == ""


async def test_objects_of_the_start_are_excluded_from_garbage_collection(
    service_process: MakeService, tmp_path: Path
) -> None:
    running_package(tmp_path)
    service = service_process("cathouse_running", DATABASE_URL=NO_DATABASE)
    service.start("serve")
    await service.responds("/response", "first")
    async with service.client() as client:
        enabled, frozen = (await client.get("/garbage-collection")).json()
    assert enabled
    assert frozen > 50_000


async def test_after_sigterm_new_requests_are_accepted_until_the_delay_is_over(
    service_process: MakeService, tmp_path: Path, running_database: str
) -> None:
    running_package(tmp_path)
    service = service_process(
        "cathouse_running", DATABASE_URL=running_database, SHUTDOWN_DELAY_SECONDS="2"
    )
    process = service.start("serve")
    await service.responds("/response", "first")
    async with service.client() as client:
        before = await client.get("/response")
        assert "connection" not in before.headers
        process.send_signal(signal.SIGTERM)
        sent = time.monotonic()

        async def not_ready() -> bool:
            return (await client.get("/health/ready")).status_code == 503

        await eventually("readiness to be refused", not_ready)
        # No request was in progress. Still, a client that does not know of the shutdown gets a response, which closes
        # its connection.
        answered = 0
        while process.poll() is None:
            try:
                response = await client.get("/response")
            except httpx.TransportError:
                break
            assert response.json() == "first"
            assert response.headers["connection"] == "close"
            answered += 1
    assert await service.exit_status() == 0
    assert time.monotonic() - sent >= 2
    assert answered > 1


async def test_a_request_that_takes_longer_than_the_grace_is_cut_off(
    service_process: MakeService, tmp_path: Path
) -> None:
    running_package(tmp_path)
    service = service_process("cathouse_running", SHUTDOWN_GRACE_SECONDS="0")
    process = service.start("serve")
    await service.responds("/response", "first")
    async with service.client() as client:
        slow = asyncio.create_task(client.get("/slow"))
        await begun(service)
        process.send_signal(signal.SIGTERM)
        assert await service.exit_status() == 0
        outcome = (await asyncio.gather(slow, return_exceptions=True))[0]
    assert not isinstance(outcome, httpx.Response) or outcome.status_code == 500
    assert '"route":"/slow","status":500' in service.stdout


def test_a_port_in_use_gives_one_line(make_app: MakeApp, taken_port: int) -> None:
    with pytest.raises(PortTakenError) as taken:
        serve(make_app(port=taken_port))
    assert str(taken.value) == (
        f"cannot listen on 127.0.0.1 port {taken_port}: Address already in use. "
        "Stop the program that uses it, or set another HOST or PORT"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_an_unavailable_address_gives_one_line(make_app: MakeApp, host: str) -> None:
    with pytest.raises(PortTakenError, match=rf"^cannot listen on {host} port 8099: [A-Z].*\."):
        serve(make_app(host=host))


@pytest.fixture
def package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> Callable[[str], str]:
    """Write a package that this process can serve."""

    def write(name: str) -> str:
        running_package(tmp_path, name)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DATABASE_URL", NO_DATABASE)
        monkeypatch.setenv("SERVICE_TOKEN", TOKEN)
        return name

    return write


def test_a_port_in_use_exits_with_one_line_and_the_status_of_wrong_settings(
    package: Callable[[str], str],
    taken_port: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PORT", str(taken_port))
    with pytest.raises(SystemExit) as ended:
        serve_package(package("cathouse_taken"))
    assert ended.value.code == os.EX_CONFIG
    assert capsys.readouterr().err.count("\n") == 1


def test_wrong_settings_exit_with_one_line_each(
    package: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = package("cathouse_misconfigured")
    monkeypatch.setenv("SERVICE_TOKEN", "short")
    with pytest.raises(SystemExit) as ended:
        serve_package(name)
    assert ended.value.code == os.EX_CONFIG
    assert capsys.readouterr().err == (
        "running: SERVICE_TOKEN: must have at least 32 characters; a second token may follow after a comma\n"
    )


def test_a_lifespan_that_fails_is_a_failed_start(
    make_app: MakeApp, logged: Logged, taken_port: int
) -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        raise LookupError("nothing to begin with")
        yield

    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    with pytest.raises(SystemExit) as ended:
        serve(make_app(lifespan=lifespan, port=port))
    assert ended.value.code == 3
    assert "LookupError: nothing to begin with" in str(logged())


@pytest.mark.parametrize(
    ("trusted", "client"),
    [
        ("127.0.0.0/8", "203.0.113.7"),
        ("10.0.0.0/8, 127.0.0.1", "203.0.113.7"),
        ("*", "203.0.113.7"),
        ("10.0.0.0/8", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
async def test_a_reverse_proxy_is_trusted_if_its_network_is_configured(
    trusted: str, client: str, tmp_path: Path, service_process: Callable[..., ServiceProcess]
) -> None:
    running_package(tmp_path)
    service = service_process("cathouse_running", FORWARDED_ALLOW_IPS=trusted)
    service.start("serve")
    await service.responds("/response", "first")
    async with service.client() as caller:
        await caller.get(
            "/response", headers={"X-Forwarded-For": "203.0.113.7", "X-Request-ID": "a" * 8}
        )

    async def is_logged() -> bool:
        return f'"request_id":"{"a" * 8}"' in service.stdout

    await eventually("the request to be logged", is_logged)
    (line,) = (line for line in service.stdout.splitlines() if f'"{"a" * 8}"' in line)
    assert json.loads(line)["client"] == client
