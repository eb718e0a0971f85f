from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from cathouse_installation.main import create_app
from cathouse_installation.settings import Settings
from cathouse_kit.testing import Execute, FakeServices, Issuer, bearer, execute_with, running
from cathouse_platform.platform import Role
from cathouse_platform.testing import cat_body, scope_body
from fastapi import FastAPI

Adopt = Callable[..., Awaitable[dict[str, Any]]]
AsCaller = Callable[[dict[str, str]], Awaitable[httpx.AsyncClient]]
Publish = Callable[..., UUID]

SCOPES = [
    scope_body("tasks:read", {"methods": ["GET"], "path": "/tasks"}, required=True),
    scope_body("tasks:write", {"methods": ["POST"], "path": "/tasks"}),
    scope_body("reminders:send", {"methods": ["POST"], "path": "/reminders"}),
]


@pytest.fixture
def settings(database_urls: dict[str, str], service_token: str) -> Settings:
    return Settings(
        _env_file=None, database_url=database_urls["installation"], service_token=service_token
    )


@pytest.fixture
def app(settings: Settings, fake_services: FakeServices) -> FastAPI:
    return create_app(settings, transport=fake_services.transport)


@pytest.fixture
async def client(app: FastAPI, emptied: None) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is not signed in."""
    async with running(app) as client:
        yield client


@pytest.fixture
async def as_caller(app: FastAPI, client: httpx.AsyncClient) -> AsyncIterator[AsCaller]:
    """Create a client that sends these headers with each request."""
    async with AsyncExitStack() as clients:

        async def make(headers: dict[str, str]) -> httpx.AsyncClient:
            return await clients.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(app),
                    base_url=client.base_url,
                    headers=headers,
                )
            )

        yield make


@pytest.fixture
def player_id() -> UUID:
    return uuid4()


@pytest.fixture
async def player(
    as_caller: AsCaller,
    issuer: Issuer,
    player_id: UUID,
) -> httpx.AsyncClient:
    """A client of a player who is signed in."""
    return await as_caller(issuer.headers(Role.PLAYER, player_id))


@pytest.fixture
async def stranger(as_caller: AsCaller, issuer: Issuer) -> httpx.AsyncClient:
    """A client of another player who is signed in."""
    return await as_caller(issuer.headers(Role.PLAYER))


@pytest.fixture
async def service(as_caller: AsCaller, service_token: str) -> httpx.AsyncClient:
    """A client of another service."""
    return await as_caller(bearer(service_token))


@pytest.fixture
def publish(fake_services: FakeServices) -> Publish:
    """Put a cat, or its next version, into the catalog. `changes` replace fields of the default manifest."""

    def publish(cat_id: UUID | None = None, **changes: Any) -> UUID:
        cat_id = cat_id or uuid4()
        default = {"id": str(cat_id), "slug": "chores", "name": "Chores", "scopes": SCOPES}
        manifest = cat_body(**default | changes)
        path = f"/api/v1/catalog/internal/cats/{cat_id}"
        fake_services.on("GET", path, httpx.Response(200, json=manifest))
        return cat_id

    return publish


@pytest.fixture
def adopt(player: httpx.AsyncClient, publish: Publish) -> Adopt:
    """Adopt a new cat as the player, and return the response's body. `adoption` replaces fields of the request."""

    async def adopt(**adoption: Any) -> dict[str, Any]:
        body = {"cat_id": str(publish()), "granted_scopes": ["tasks:read"]} | adoption
        response = await player.post("/api/v1/installations", json=body)
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        return answer

    return adopt


@pytest.fixture
async def installation(adopt: Adopt) -> dict[str, Any]:
    """An installation of the player."""
    adopted: dict[str, Any] = (await adopt())["installation"]
    return adopted


@pytest.fixture
def sql(app: FastAPI) -> Execute:
    """Run a statement on a separate connection, and return its rows."""
    return execute_with(app.state.context.database.engine)
