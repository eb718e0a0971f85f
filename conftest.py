"""Fixtures for every test: a database like the real one, a signer of tokens, and fake responses of other services.

One PostgreSQL server serves a whole run of tests. It is created, provisioned and migrated once.
Each worker then has its own copy of that database.
"""

import asyncio
import gc
import os
import secrets
import signal
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from cathouse_kit.registry import Service, load_registry
from cathouse_kit.testing import Descriptions, FakeServices, Issuer, empty_tables
from cathouse_migrate.migrate import migrate_all
from cathouse_platform.platform import PLATFORM
from cathouse_postgres.testing import TemporaryServer, temporary_server
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent
TEMPLATE = "template_cathouse"
# A busy machine must not fail a test.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
_resources = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    # A shell makes background processes ignore SIGINT, and their children inherit that.
    # The tests of Ctrl-C must not depend on how pytest was started.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # With workers, the controlling process starts the server, and workers find it in their environment.
    if not hasattr(config, "workerinput") and config.getoption("numprocesses", None):
        stack = config.stash[_resources] = ExitStack()
        os.environ.update(stack.enter_context(_prepared_server()).to_environment())


def pytest_xdist_auto_num_workers() -> int:
    # Tests spend half of their time waiting for a process or a clock.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (cores or 1) * 2


def pytest_unconfigure(config: pytest.Config) -> None:
    if stack := config.stash.get(_resources, None):
        stack.close()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    # Garbage collections while modules are loaded free almost nothing, and cost a fifth of the time.
    gc.disable()
    try:
        return (yield)
    finally:
        # All modules are loaded now and stay loaded. Freezing them keeps the collector from scanning them again.
        gc.collect()
        gc.freeze()
        gc.enable()


@contextmanager
def _prepared_server() -> Iterator[TemporaryServer]:
    """Start a server with the database that each worker copies: roles, schemas, every migration."""
    services = load_registry(ROOT / "services.toml")
    with temporary_server() as server:
        server.provision(services, TEMPLATE)
        asyncio.run(migrate_all({s.name: server.url(s.owner_role, TEMPLATE) for s in services}))
        yield server


@pytest.fixture(scope="session")
def services() -> tuple[Service, ...]:
    """Return the registry's services."""
    return load_registry(ROOT / "services.toml")


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Iterator[TemporaryServer]:
    """Start the PostgreSQL server of this run of tests."""
    if hasattr(request.config, "workerinput"):
        yield TemporaryServer.from_environment()
    else:
        with _prepared_server() as server:
            yield server


@pytest.fixture(scope="session")
def database(postgres_server: TemporaryServer) -> Iterator[str]:
    """Create this worker's own database, with every service's schema at the newest revision. Returns its name."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    postgres_server.create_database(name, TEMPLATE)
    yield name
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def database_urls(
    postgres_server: TemporaryServer, database: str, services: tuple[Service, ...]
) -> dict[str, str]:
    """Return a database URL for each role of each service. A service serves with the role of its own name."""
    return {
        role: postgres_server.url(role, database)
        for service in services
        for role in service.database_roles
    }


@pytest.fixture(scope="session")
async def superuser(
    postgres_server: TemporaryServer, database: str
) -> AsyncIterator[asyncpg.Connection]:
    """Connect to this worker's database as superuser. All tests share the connection, because most of them need it."""
    connection = await asyncpg.connect(postgres_server.superuser_url(database))
    yield connection
    await connection.close()


@pytest.fixture
async def emptied(
    request: pytest.FixtureRequest, superuser: asyncpg.Connection
) -> AsyncIterator[None]:
    """Delete all rows of the tested service before and after a test.

    So a test sees no rows of earlier tests, and later tests see none of its rows.
    """
    schema = request.path.relative_to(ROOT / "services").parts[0]
    await empty_tables(superuser, schema)
    yield
    await empty_tables(superuser, schema)


@pytest.fixture(scope="session")
def service_token() -> str:
    """Return the SERVICE_TOKEN of this run of tests."""
    return secrets.token_urlsafe(32)


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    """Return the signer of the access tokens that tested services trust."""
    return Issuer(PLATFORM)


@pytest.fixture(scope="session")
def descriptions() -> Descriptions:
    """Return the API descriptions of the services. Fakes of services are checked against them."""
    return Descriptions(ROOT / "docs/openapi")


@pytest.fixture(autouse=True)
def _fakes_respond_as_described(descriptions: Descriptions) -> Iterator[None]:
    yield
    violations, descriptions.violations = descriptions.violations, []
    if violations:
        pytest.fail("; ".join(violations))


@pytest.fixture
def fake_services(issuer: Issuer, descriptions: Descriptions) -> FakeServices:
    """Return fakes of the services that a tested service calls. Auth's keys are there; a test adds other responses."""
    fake_services = FakeServices(PLATFORM, descriptions)
    fake_services.on("GET", PLATFORM.identity.keys_path, httpx.Response(200, json=issuer.jwks()))
    return fake_services
