"""`cathouse-postgres drop NAME`: what a service that is no more has left."""

import asyncio
import shutil

from cathouse_kit.registry import RegistryError, load_registry

from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.provision import superuser_url
from cathouse_postgres.roles import DATABASE, drop_role
from cathouse_postgres.settings import Settings


def drop(settings: Settings, name: str) -> None:
    """Drops the role of the name with all that it owns, and deletes its secret.

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
    asyncio.run(drop_role(superuser_url(settings), name, database=DATABASE))
    shutil.rmtree(settings.state.database_url(name).parent, ignore_errors=True)
