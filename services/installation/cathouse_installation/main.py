"""The app of installation."""

import httpx
from cathouse_kit.service import create_service
from cathouse_kit.settings import load_settings
from cathouse_platform.platform import PLATFORM
from fastapi import FastAPI

from cathouse_installation.resources import Resources
from cathouse_installation.routers import adoption, installations, internal
from cathouse_installation.services.catalog import Catalog
from cathouse_installation.services.credentials import Credentials
from cathouse_installation.services.limits import Limits
from cathouse_installation.settings import Settings


def create_app(
    settings: Settings | None = None, *, transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """Create the app. Without `settings`, read them from the environment, or raise `SettingsError`."""
    settings = settings or load_settings(Settings)
    app = create_service(
        settings,
        platform=PLATFORM,
        package="cathouse_installation",
        routers=(adoption.router, installations.router, internal.router),
        transport=transport,
    )
    app.state.resources = Resources(
        catalog=Catalog(app.state.context.clients["catalog"], app.state.context.revocations),
        credentials=Credentials(settings.service_tokens),
        limits=Limits(
            installations=settings.max_installations_per_player,
            adoptions_a_day=settings.max_adoptions_per_player_a_day,
        ),
    )
    return app
