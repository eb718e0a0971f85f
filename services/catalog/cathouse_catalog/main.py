"""The app of catalog."""

import httpx
from cathouse_kit.service import create_service
from cathouse_kit.settings import load_settings
from cathouse_platform.platform import PLATFORM
from fastapi import FastAPI

from cathouse_catalog.resources import Resources
from cathouse_catalog.routers import (
    admin_actions,
    categories,
    cats,
    internal,
    reviews,
    versions,
    workflow,
)
from cathouse_catalog.services.adoptions import Adoptions
from cathouse_catalog.services.listing import SEARCH_SETTINGS
from cathouse_catalog.settings import Settings


def create_app(
    settings: Settings | None = None, *, transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """Create the app. Without `settings`, read them from the environment, or raise `SettingsError`."""
    settings = settings or load_settings(Settings)
    app = create_service(
        settings,
        platform=PLATFORM,
        package="cathouse_catalog",
        routers=(
            cats.router,
            versions.router,
            workflow.developers,
            workflow.admins,
            reviews.router,
            categories.router,
            admin_actions.router,
            internal.router,
        ),
        database_settings=SEARCH_SETTINGS,
        transport=transport,
    )
    app.state.resources = Resources(settings, Adoptions(app.state.context.clients["installation"]))
    return app
