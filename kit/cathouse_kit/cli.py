"""The command line of every service, `python -m cathouse_NAME`.

The package of the service must have `main.create_app`, `settings.Settings`, `models.Base` and `migrations/versions/`.
Imports are inside the functions, because the process that watches for changes needs only a few of them.
"""

import argparse
import atexit
import gc
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
    """A command failed. The message is for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of one service, in addition to the common ones."""

    name: str
    help: str
    run: Callable[[argparse.Namespace], None]
    """May raise `CommandError`."""
    arguments: Callable[[argparse.ArgumentParser], Any] = lambda parser: None


def build_parser(package: str, commands: Sequence[Command] = ()) -> argparse.ArgumentParser:
    """Return the parser of `python -m PACKAGE`. Its result has the command's `run`."""
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    parsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (*_common_commands(package), *commands):
        subparser = parsers.add_parser(command.name, help=command.help, description=command.help)
        command.arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def run_service_command(package: str, commands: Sequence[Command] = ()) -> None:
    """Parse the command line of `python -m PACKAGE`, run its command, and end the process."""
    # At its end, Python would search all imported modules for garbage: a fifth of the time of a short command.
    atexit.register(gc.freeze)
    arguments = build_parser(package, commands).parse_args()
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
            "serve requests until SIGTERM or Ctrl-C",
            lambda arguments: _serve_command(package, reload=arguments.reload),
            lambda parser: parser.add_argument(
                "--reload", action="store_true", help="restart when a source file or .env changes"
            ),
        ),
        Command(
            "migrate",
            "migrate the database to the newest revision",
            lambda arguments: _migrate_command(package, arguments.to),
            lambda parser: parser.add_argument(
                "--to",
                metavar="REVISION",
                help="migrate up or down to another revision; base is the empty schema",
            ),
        ),
        Command(
            "revision",
            "write a migration from the changes in the models",
            lambda arguments: _revision_command(package, arguments.message),
            lambda parser: parser.add_argument(
                "message", help="a description of the migration, such as 'add nicknames'"
            ),
        ),
    )


def _serve_command(package: str, *, reload: bool) -> None:
    if not reload:
        # Garbage collections during the imports free almost nothing. The server enables them when it has started.
        gc.disable()
        serve_package(package)
        return
    from cathouse_kit.reload import serve_with_reload

    sys.exit(serve_with_reload(package, source_folders(package), [Path(".env")]))


def source_folders(package: str) -> list[Path]:
    """Return the folders of the package, of the kit, and of the packages of the same project that it requires.

    A package is of the same project if its name begins like that of the kit.
    """
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
    """Serve the app of a package in this process. Wrong settings print a line for each, and exit with `EX_CONFIG`."""
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
    """Set up logging, call an async function with the service's database, and return its result.

    `role`, such as owner, selects another database role of the service. Raises `CommandError` if PostgreSQL does not
    respond.
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
            f"DATABASE_URL: PostgreSQL does not respond: {error.__cause__}"
        ) from error


def migrations_of(package: str) -> "Migrations":
    """Return the migrations of a service's package."""
    from cathouse_kit.migrations import Migrations

    return Migrations(package)


async def require_newest_revision(package: str, database: "Database") -> None:
    """Raise `CommandError` if the database is not at the newest revision of the package."""
    migrations = migrations_of(package)
    async with database.engine.connect() as connection:
        current = await migrations.current(connection)
    if current != migrations.head:
        raise CommandError(
            f"the database is at revision {current or 'base'}, not at {migrations.head}: "
            f"run python -m {package} migrate"
        )


def rotate_keys_command(package: str, tokens: str) -> Command:
    """Return the command `rotate-keys` of a service with a table `models.SigningKey`.

    `tokens` is the plural name of the tokens that the keys sign, for the help text.
    """

    async def rotate(database: "Database") -> str:
        from cathouse_kit.signing_keys import rotate_signing_key

        await require_newest_revision(package, database)
        table = importlib.import_module(f"{package}.models").SigningKey
        async with database.sessions.begin() as session:
            return await rotate_signing_key(session, table)

    return Command(
        "rotate-keys",
        f"create a new key to sign {tokens}, and print its id; existing {tokens} remain valid",
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
    # The message becomes the name of the file, and its docstring.
    if not re.fullmatch(r"\w[\w ,.'-]*", message):
        raise CommandError(
            f"{message!r} cannot name a migration: use letters, digits and spaces, such as 'add nicknames'"
        )
    migrations = migrations_of(package)

    async def write(database: "Database") -> Path | None:
        await require_newest_revision(package, database)
        async with database.engine.connect() as connection:
            return await connection.run_sync(migrations.write_revision, message)

    path = with_database(package, write, role="owner")
    print(
        f"wrote {path}: review it before you migrate"
        if path
        else f"nothing to migrate: the models of {package} match its migrations"
    )
