"""`python -m cathouse_NAME`: what can be done with a service. Its package follows the names of every service:
`main.create_app`, `settings.Settings`, `models.Base`, `migrations/versions/`.

Imports stand inside the functions, because the process that watches for reload needs hardly any.
"""

import argparse
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cathouse_kit.database import Database
    from cathouse_kit.migrations import Migrations
    from cathouse_kit.settings import ServiceSettings


class CommandError(Exception):
    """A command cannot do what it was asked; the message is for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that one service has beside the common ones."""

    name: str
    help: str
    run: Callable[[argparse.Namespace], None]
    """May raise `CommandError`."""
    arguments: Callable[[argparse.ArgumentParser], Any] = lambda parser: None


def run_service_command(package: str, commands: Sequence[Command] = ()) -> None:
    """Parses the command line of `python -m PACKAGE`, does what it says, and ends the process."""
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    parsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (*_common_commands(package), *commands):
        subparser = parsers.add_parser(command.name, help=command.help, description=command.help)
        command.arguments(subparser)
        subparser.set_defaults(run=command.run)
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except CommandError as error:
        sys.exit(f"{package}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _common_commands(package: str) -> tuple[Command, ...]:
    return (
        Command(
            "serve",
            "answer requests until SIGTERM or Ctrl-C",
            lambda arguments: _serve_command(package, reload=arguments.reload),
            lambda parser: parser.add_argument(
                "--reload", action="store_true", help="start again when a source changes"
            ),
        ),
        Command(
            "healthcheck",
            "succeed when the service on this machine, at $PORT, is ready; for images, which have no curl",
            lambda _: _healthcheck_command(),
        ),
        Command(
            "migrate",
            "bring the database to the newest revision",
            lambda arguments: _migrate_command(package, arguments.to),
            lambda parser: parser.add_argument(
                "--to",
                metavar="REVISION",
                help="another revision, up or down; base is the empty schema",
            ),
        ),
        Command(
            "revision",
            "write a migration from what has changed in the models",
            lambda arguments: _revision_command(package, arguments.message),
            lambda parser: parser.add_argument(
                "message", help="what it does, such as 'add nicknames'"
            ),
        ),
    )


def _serve_command(package: str, *, reload: bool) -> None:
    if not reload:
        serve_package(package)
        return
    from cathouse_kit.reload import serve_with_reload

    sys.exit(serve_with_reload(package, source_folders(package), [Path(".env")]))


def source_folders(package: str) -> list[Path]:
    """The folders of the package, the kit, and what else it needs of their project: names that begin as the kit's."""
    from importlib.metadata import requires

    own = __name__.partition(".")[0]
    needed = (re.split(r"[^\w-]", line)[0].replace("-", "_") for line in requires(package) or ())
    names = (package, own, *(name for name in needed if name.startswith(own.removesuffix("kit"))))
    return [_folder(name) for name in dict.fromkeys(names)]


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CommandError(f"the package {package} is not installed")
    return Path(spec.submodule_search_locations[0])


def serve_package(package: str) -> None:
    """Serves the app of a package in this process; ends it with a line and `EX_CONFIG` where settings are wrong."""
    from cathouse_kit.left_out import leave_out_unused_parts

    leave_out_unused_parts()
    from cathouse_kit.logs import configure_logging
    from cathouse_kit.server import PortTakenError, serve
    from cathouse_kit.settings import SettingsError, load_settings

    main = importlib.import_module(f"{package}.main")
    try:
        settings: ServiceSettings = load_settings(
            importlib.import_module(f"{package}.settings").Settings
        )
        configure_logging(settings)
        serve(main.create_app(settings))
    except (SettingsError, PortTakenError) as error:
        print(error, file=sys.stderr, flush=True)
        sys.exit(os.EX_CONFIG)


def _healthcheck_command() -> None:
    import http.client

    port = os.environ.get("PORT", "")
    if not port.isdecimal():
        raise CommandError("healthcheck needs PORT in the environment")
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
    try:
        connection.request("GET", "/health/ready")
        status = connection.getresponse().status
    except OSError as error:
        raise CommandError(f"port {port} does not answer: {error}") from error
    if status != http.HTTPStatus.OK:
        raise CommandError(f"port {port} answers {status}: not ready")


def _load(package: str, role: str) -> "ServiceSettings":
    from cathouse_kit.logs import configure_logging
    from cathouse_kit.settings import SettingsError, load_settings

    try:
        settings: ServiceSettings = load_settings(
            importlib.import_module(f"{package}.settings").Settings, role=role
        )
    except SettingsError as error:
        print(error, file=sys.stderr, flush=True)
        sys.exit(os.EX_CONFIG)
    configure_logging(settings, to_stderr=True)
    return settings


def with_database(package: str, work: "Callable[[Database], Any]", *, role: str = "") -> Any:
    """Runs an async function of the service's database, with logging set up, and returns what it returns.

    With a `role`, such as owner, the connection is that of the service's further database role. Raises `CommandError`
    where PostgreSQL does not answer.
    """
    import asyncio

    from cathouse_kit.database import Database, DatabaseUnavailable

    settings = _load(package, role)

    async def run() -> Any:
        database = Database(
            settings.database_url,
            pool_size=1,
            application_name=f"{settings.service_name} command",
            statement_seconds=None,
        )
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except DatabaseUnavailable as error:
        raise CommandError(
            f"DATABASE_URL: PostgreSQL does not answer: {error.__cause__}"
        ) from error


def migrations_of(package: str) -> "Migrations":
    """The migrations of a service's package."""
    from cathouse_kit.migrations import Migrations

    return Migrations(package)


async def require_newest_revision(package: str, database: "Database") -> None:
    """Raises `CommandError` where the database is not what the package's models say."""
    migrations = migrations_of(package)
    async with database.engine.connect() as connection:
        current = await migrations.current(connection)
    if current != migrations.head:
        raise CommandError(
            f"the database is at revision {current or 'base'}, not at {migrations.head}: "
            f"python -m {package} migrate"
        )


def rotate_keys_command(package: str, tokens: str) -> Command:
    """The command `rotate-keys` of a service whose `models.SigningKey` signs `tokens`, in the plural."""

    async def rotate(database: "Database") -> str:
        from cathouse_kit.signing_keys import rotate_signing_key

        await require_newest_revision(package, database)
        table = importlib.import_module(f"{package}.models").SigningKey
        async with database.sessions.begin() as session:
            return await rotate_signing_key(session, table)

    return Command(
        "rotate-keys",
        f"make a new key, which soon signs {tokens}, and print its id; those that are out stay valid",
        lambda _: print(with_database(package, rotate)),
    )


def _migrate_command(package: str, target: str | None) -> None:
    from cathouse_kit.migrations import MigrationError

    migrations = migrations_of(package)
    try:
        before, after = with_database(
            package,
            lambda database: migrations.run(database, target or migrations.head),
            role="owner",
        )
    except MigrationError as error:
        raise CommandError(str(error)) from error
    print(f"{migrations.schema}: {f'{before} → {after}' if before != after else f'at {after}'}")


def _revision_command(package: str, message: str) -> None:
    # It becomes a file's name, and a docstring in it.
    if not re.fullmatch(r"\w[\w ,.'-]*", message):
        raise CommandError(
            f"{message!r} names no migration: use letters, digits and spaces, such as 'add nicknames'"
        )
    migrations = migrations_of(package)

    async def write(database: "Database") -> Path | None:
        await require_newest_revision(package, database)
        async with database.engine.connect() as connection:
            return await connection.run_sync(migrations.write_revision, message)

    path = with_database(package, write, role="owner")
    print(
        f"wrote {path}: read it before you migrate"
        if path
        else f"nothing to migrate: the models of {package} have what the migrations make"
    )
