from collections.abc import AsyncIterator

import httpx
import pytest
from cathouse_catalog.main import create_app
from cathouse_catalog.settings import Settings
from cathouse_kit.testing import JWKS_PATH, Issuer, Outside, running
from fastapi import FastAPI

from .support import Catalog


@pytest.fixture(scope="session")
def settings(database_urls: dict[str, str], service_token: str) -> Settings:
    return Settings(
        _env_file=None, database_url=database_urls["catalog"], service_token=service_token
    )


@pytest.fixture(scope="session")
def app(settings: Settings, issuer: Issuer) -> FastAPI:
    auth = Outside()
    auth.on("GET", JWKS_PATH, httpx.Response(200, json=issuer.jwks()))
    return create_app(settings, transport=auth.transport)


# One app for all tests: to build its routes and to connect takes longer than most tests do.
@pytest.fixture(scope="session")
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


@pytest.fixture
def catalog(client: httpx.AsyncClient, issuer: Issuer, emptied: None) -> Catalog:
    return Catalog(client, issuer)
