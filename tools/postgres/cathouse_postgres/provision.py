"""`cathouse-postgres provision`: create roles and schemas, and the files with their connection URLs."""

import asyncio
import os

from cathouse_kit.registry import RegistryError, load_registry

from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.files import lock_and_wait, read_secret, write_secret
from cathouse_postgres.ports import ADDRESS, read_port
from cathouse_postgres.roles import DATABASE, provision_roles
from cathouse_postgres.settings import SUPERUSER, Settings
from cathouse_postgres.urls import password_in, url_for

CONNECTION_LIMIT = 50
"""The largest number of connections of a service in development.

It is half of the connections of the server, so one service that uses all of its connections does not block the others.
"""


def provision(settings: Settings) -> None:
    """Create or repair the database objects of each service, and write the connection URL of each role.

    Raises `PostgresToolError`, also when services.toml is missing or not valid.
    """
    state = settings.state
    try:
        services = load_registry()
    except RegistryError as error:
        raise PostgresToolError(str(error)) from error
    administrator = superuser_url(settings)
    state.folder.mkdir(parents=True, exist_ok=True)
    lock = lock_and_wait(state.provision_lock)
    try:
        written = {
            role: read_secret(state.database_url(role))
            for service in services
            for role in service.database_roles
        }
        kept = {name: password_in(url) for name, url in written.items() if url}
        passwords = asyncio.run(
            provision_roles(
                administrator,
                services,
                {name: password for name, password in kept.items() if password},
                server_is_ours=settings.outside_url is None,
                connection_limit=CONNECTION_LIMIT,
            )
        )
        for name, password in passwords.items():
            url = url_for(administrator, name, password, DATABASE)
            if url != written[name]:
                write_secret(state.database_url(name), url)
    finally:
        os.close(lock)


def superuser_url(settings: Settings) -> str:
    """Return the connection URL of the superuser. Raises `PostgresToolError` when there is no server yet."""
    if settings.outside_url:
        return settings.outside_url
    state = settings.state
    port, password = read_port(state.port), read_secret(state.superuser_password)
    if port is None or password is None:
        raise PostgresToolError(
            f"{state.folder} contains no PostgreSQL yet: start it with cathouse-postgres run"
        )
    return url_for(f"postgresql://{ADDRESS}:{port}", SUPERUSER, password, SUPERUSER)
