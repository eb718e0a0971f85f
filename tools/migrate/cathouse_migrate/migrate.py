"""Run the migrations of every installed service, one after the other."""

import contextlib
import importlib
from collections.abc import AsyncIterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path

from cathouse_kit.database import Database
from cathouse_kit.migrations import Migrations
from cathouse_kit.settings import ServiceSettings, load_settings
from pydantic import SecretStr


def installed_services() -> dict[str, str]:
    """Return the package of each installed service by the name of the service."""
    return {point.name: point.value for point in entry_points(group="cathouse.services")}


def database_urls(settings_root: Path | None) -> dict[str, str]:
    """Return the DATABASE_URL of the owner role of each installed service, from the settings of the service.

    With `settings_root`, the settings are read in its folder with the name of the service. Raises `SettingsError` when
    any setting of a service is not valid. Nothing is then migrated, because the service could not start.
    """
    urls = {}
    for name, package in installed_services().items():
        settings_class: type[ServiceSettings] = importlib.import_module(
            f"{package}.settings"
        ).Settings
        with contextlib.chdir(settings_root / name) if settings_root else contextlib.nullcontext():
            urls[name] = load_settings(settings_class, role="owner").database_url.get_secret_value()
    return urls


async def migrate_all(urls: Mapping[str, str]) -> dict[str, tuple[str | None, str]]:
    """Upgrade the schema of each service to its newest revision. Return the revisions before and after.

    Raises `MigrationError`, and `DatabaseUnavailable` when PostgreSQL does not respond. Completed migrations stay,
    because services do not depend on tables of other services.
    """
    revisions = {}
    for name, url in urls.items():
        async with _database(url, name) as database:
            revisions[name] = await Migrations(installed_services()[name]).upgrade(database)
    return revisions


@contextlib.asynccontextmanager
async def _database(url: str, name: str) -> AsyncIterator[Database]:
    database = Database(
        SecretStr(url),
        pool_size=1,
        application_name=f"{name} migrations",
        statement_seconds=None,
    )
    try:
        yield database
    finally:
        await database.close()
