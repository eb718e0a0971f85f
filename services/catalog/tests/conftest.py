from collections.abc import AsyncIterator

import httpx
import pytest
from cathouse_catalog.main import create_app
from cathouse_catalog.settings import Settings
from cathouse_kit.testing import Descriptions, FakeServices, Issuer, running
from cathouse_platform.platform import PLATFORM
from fastapi import FastAPI

from .support import ADOPTED, ADOPTIONS_PATH, Catalog


@pytest.fixture(scope="session")
def settings(database_urls: dict[str, str], service_token: str) -> Settings:
    return Settings(
        _env_file=None,
        database_url=database_urls["catalog"],
        service_token=service_token,
        catalog_allow_http_endpoints=True,
        # Fifty concurrent requests wait for one cat's lock. On a busy machine, this exceeds the default timeout of the
        # pool.
        database_pool_size=10,
    )


@pytest.fixture(scope="session")
def shared_fake_services(issuer: Issuer, descriptions: Descriptions) -> FakeServices:
    """Fakes of auth, and of an installation where every player has adopted every cat."""
    shared_fake_services = FakeServices(PLATFORM, descriptions)
    shared_fake_services.on(
        "GET", PLATFORM.identity.keys_path, httpx.Response(200, json=issuer.jwks())
    )
    shared_fake_services.on("GET", ADOPTIONS_PATH, ADOPTED)
    return shared_fake_services


@pytest.fixture(scope="session")
def app(settings: Settings, shared_fake_services: FakeServices) -> FastAPI:
    return create_app(settings, transport=shared_fake_services.transport)


# One app for all tests, because building the routes and connecting takes longer than most tests.
@pytest.fixture(scope="session")
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


@pytest.fixture
def catalog(client: httpx.AsyncClient, issuer: Issuer, emptied: None) -> Catalog:
    return Catalog(client, issuer)
