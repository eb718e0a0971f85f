"""`cathouse-postgres drop NAME`: what a service that is no more has left."""

import asyncio
import glob
import shutil

from cathouse_kit.registry import RegistryError, load_registry

from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.provision import superuser_url
from cathouse_postgres.roles import DATABASE, drop_roles
from cathouse_postgres.settings import Settings


def drop(settings: Settings, name: str) -> None:
    """Drops the roles of the service with all that they own, and deletes their secrets.

    Raises `PostgresToolError` for a service of services.toml, and where there is no such role.
    """
    try:
        services = load_registry()
    except RegistryError as error:
        raise PostgresToolError(str(error)) from error
    if name in {service.name for service in services}:
        raise PostgresToolError(
            f"{name} is a service of services.toml: take it away first (make service-remove NAME={name})"
        )
    asyncio.run(drop_roles(superuser_url(settings), name, database=DATABASE))
    secrets = settings.state.database_url(name).parent
    for folder in (secrets, *secrets.parent.glob(f"{glob.escape(name)}_*")):
        shutil.rmtree(folder, ignore_errors=True)
