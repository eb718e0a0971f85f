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
    """The app, ready for a server. Raises `SettingsError` where settings are not given and cannot be read."""
    settings = settings or load_settings(Settings)
    app = create_service(
        settings,
        platform=PLATFORM,
        package="cathouse_proxy",
        # The proxied paths would swallow the others.
        routers=(audit.router, keys.router, calls.router),
        lifespan=_lifespan,
        transport=transport,
        # Its own routes take no bodies; those of proxied calls have a limit of their own, and a place in the audit.
        bodies_limited_by_routes=f"{PREFIX}/",
    )
    app.state.resources = create_resources(app.state.context, settings)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.resources.cats:
        yield
    await app.state.resources.audit.close()
