"""Fixtures of the contract tests. Every test runs once for each service of the registry."""

import importlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from cathouse_kit.registry import Service, load_registry
from cathouse_kit.settings import ServiceSettings
from cathouse_kit.testing import FakeServices, running
from fastapi import FastAPI

ROOT = Path(__file__).parents[2]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "service" in metafunc.fixturenames:
        services = load_registry(ROOT / "services.toml")
        metafunc.parametrize("service", services, ids=[service.name for service in services])


@pytest.fixture
def settings_class(service: Service) -> type[ServiceSettings]:
    found: type[ServiceSettings] = importlib.import_module(f"{service.package}.settings").Settings
    return found


@pytest.fixture
def settings(
    service: Service,
    settings_class: type[ServiceSettings],
    database_urls: dict[str, str],
    service_token: str,
) -> ServiceSettings:
    return settings_class(
        _env_file=None,
        database_url=database_urls[service.name],
        service_token=service_token,
        log_format="json",
    )


@pytest.fixture
def app(service: Service, settings: ServiceSettings, fake_services: FakeServices) -> FastAPI:
    app: FastAPI = importlib.import_module(f"{service.package}.main").create_app(
        settings, transport=fake_services.transport
    )
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client
