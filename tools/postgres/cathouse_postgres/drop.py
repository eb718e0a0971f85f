"""`cathouse-postgres drop NAME`: remove the roles, the schema and the secrets of a removed service."""

import asyncio
import glob
import shutil

from cathouse_kit.registry import RegistryError, load_registry

from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.provision import superuser_url
from cathouse_postgres.roles import DATABASE, drop_roles
from cathouse_postgres.settings import Settings


def drop(settings: Settings, name: str) -> None:
    """Drop the roles of the service and everything that they own, and delete their secrets.

    Raises `PostgresToolError` for a service that is in services.toml, and when the role does not exist.
    """
    try:
        services = load_registry()
    except RegistryError as error:
        raise PostgresToolError(str(error)) from error
    if name in {service.name for service in services}:
        raise PostgresToolError(
            f"{name} is still a service of services.toml: remove it first (make service-remove NAME={name})"
        )
    asyncio.run(drop_roles(superuser_url(settings), name, database=DATABASE))
    secrets = settings.state.database_url(name).parent
    for folder in (secrets, *secrets.parent.glob(f"{glob.escape(name)}_*")):
        shutil.rmtree(folder, ignore_errors=True)
