"""The migrations of every installed service, one after the other."""

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
    """The package of each installed service, by the service's name."""
    return {point.name: point.value for point in entry_points(group="cathouse.services")}


def database_urls(settings_root: Path | None) -> dict[str, str]:
    """The DATABASE_URL of each installed service's owner role, as its own settings say; with `settings_root`, these are
    read in the folder there that is called like the service.

    Raises `SettingsError` where any setting of a service is wrong, so that nothing is migrated for a start that
    would fail.
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
    """Brings each service's schema to its newest revision; returns the revisions before and after.

    Raises `MigrationError`, and `DatabaseUnavailable` where PostgreSQL does not answer. What was migrated before that
    stays: services do not depend on each other's tables.
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
