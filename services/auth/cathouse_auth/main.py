"""The app of auth."""

import httpx
from cathouse_kit.service import create_service
from cathouse_kit.settings import load_settings
from cathouse_platform.platform import PLATFORM
from fastapi import FastAPI

from cathouse_auth.resources import Resources
from cathouse_auth.routers import accounts, admin_actions, internal, keys, me, users
from cathouse_auth.services.attempts import Attempts
from cathouse_auth.services.keys import SigningKeys
from cathouse_auth.services.passwords import Passwords
from cathouse_auth.settings import Settings


def create_app(
    settings: Settings | None = None,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    passwords: Passwords | None = None,
) -> FastAPI:
    """Create the app. Tests pass `passwords` that hash at a lower cost.

    Raises `SettingsError` if `settings` is None and the settings cannot be read.
    """
    settings = settings or load_settings(Settings)
    app = create_service(
        settings,
        platform=PLATFORM,
        package="cathouse_auth",
        routers=(
            accounts.router,
            me.router,
            users.router,
            admin_actions.router,
            keys.router,
            internal.router,
        ),
        keys=SigningKeys,
        transport=transport,
    )
    context = app.state.context
    app.state.resources = Resources(
        keys=context.keys,
        passwords=passwords or Passwords(),
        attempts=Attempts(context.rate_limits, settings),
    )
    return app
