"""The app of proxy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from cathouse_kit.service import create_service
from cathouse_kit.settings import load_settings
from cathouse_platform.platform import PLATFORM
from fastapi import FastAPI

from cathouse_proxy.resources import create_resources
from cathouse_proxy.routers import audit, calls, keys
from cathouse_proxy.services.call import PREFIX
from cathouse_proxy.settings import Settings


def create_app(
    settings: Settings | None = None, *, transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """Create the app. Without `settings`, read them from the environment, or raise `SettingsError`."""
    settings = settings or load_settings(Settings)
    app = create_service(
        settings,
        platform=PLATFORM,
        package="cathouse_proxy",
        # Order matters: the paths of proxied calls would also match the other routes.
        routers=(audit.router, keys.router, calls.router),
        lifespan=_lifespan,
        transport=transport,
        # Proxied calls have a separate limit, and a body that is too large belongs in the audit.
        bodies_limited_by_routes=f"{PREFIX}/",
    )
    app.state.resources = create_resources(app.state.context, settings)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.resources.cats:
        yield
    await app.state.resources.audit.close()
