from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from cathouse_dashboard.app import create_app
from cathouse_dashboard.store.queries import Queries
from starlette.applications import Starlette

from .support import client_of, settings


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "telemetry" / "run-20261126T080000.sqlite3"


@pytest.fixture
def app(tmp_path: Path, run: Path) -> Starlette:
    return create_app(settings(tmp_path), run)


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the cookie, of an app that collects and stores."""
    async with app.router.lifespan_context(app), client_of(app) as client:
        yield client


@pytest.fixture
def queries(run: Path) -> Queries:
    return Queries(run)
