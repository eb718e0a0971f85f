"""Fixtures of the proxy: an installation of a cat, a cat on a real socket, and the audit."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import httpx
import pytest
from asyncpg.connection import LoggedQuery
from cathouse_kit.testing import FakeServices, running
from cathouse_proxy.main import create_app
from cathouse_proxy.resources import create_resources
from cathouse_proxy.settings import Settings
from fastapi import FastAPI
from limits import RateLimitItemPerSecond

from .support import Clock, FakePlatform, Remake, Rows, ScriptedCat, served


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(database_urls: dict[str, str], service_token: str) -> Settings:
    """Settings that allow cats on this machine, and have a high rate limit."""
    return Settings(
        _env_file=None,
        database_url=database_urls["proxy"],
        service_token=service_token,
        proxy_allow_private_upstreams=True,
        rate_limit_per_installation=RateLimitItemPerSecond(10_000),
        unidentified_limit_by_address=RateLimitItemPerSecond(10_000),
    )


@pytest.fixture
async def cat() -> AsyncIterator[ScriptedCat]:
    async with ScriptedCat().running() as cat:
        yield cat


@pytest.fixture
def platform(fake_services: FakeServices, cat: ScriptedCat) -> FakePlatform:
    return FakePlatform(fake_services, endpoint_url=cat.url)


@pytest.fixture
def app(settings: Settings, fake_services: FakeServices) -> FastAPI:
    return create_app(settings, transport=fake_services.transport)


@pytest.fixture
def remake(app: FastAPI, settings: Settings) -> Remake:
    """Create the proxy's resources again, with other parts and settings, before the app starts."""

    def remake(changed_settings: dict[str, Any] | None = None, **parts: Any) -> None:
        changed = settings.model_copy(update=changed_settings or {})
        app.state.resources = create_resources(
            app.state.context, changed, metrics=app.state.resources.metrics, **parts
        )

    return remake


@pytest.fixture
async def client(
    app: FastAPI, emptied: None, platform: FakePlatform
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app with the credential of the platform's installation."""
    async with running(app) as client:
        client.headers.update(platform.headers)
        yield client


@pytest.fixture
async def port(app: FastAPI, emptied: None) -> AsyncIterator[int]:
    """The port of a real server of the app."""
    async with served(app) as port:
        yield port


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[LoggedQuery]:
    """The proxy's statements on connections that it opens from now on. Each is one round trip."""
    ran: list[LoggedQuery] = []
    connect: Callable[..., Any] = asyncpg.connect

    async def logged(*arguments: Any, **options: Any) -> asyncpg.Connection:
        connection = await connect(*arguments, **options)
        connection.add_query_logger(ran.append)
        return connection

    monkeypatch.setattr(asyncpg, "connect", logged)
    return ran


@pytest.fixture
async def rows(database_urls: dict[str, str]) -> AsyncIterator[Rows]:
    """A function that returns the audit rows in the database, oldest first."""
    connection = await asyncpg.connect(database_urls["proxy"])

    async def rows() -> list[dict[str, Any]]:
        return [dict(row) for row in await connection.fetch("select * from audit order by id")]

    yield rows
    await connection.close()
