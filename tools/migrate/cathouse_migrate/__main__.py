"""Upgrade the database schema of every installed service to its newest revision."""

import argparse
import asyncio
import atexit
import gc
import os
import sys
from pathlib import Path

from cathouse_kit.database import DatabaseUnavailable
from cathouse_kit.migrations import MigrationError
from cathouse_kit.settings import SettingsError

from cathouse_migrate.migrate import database_urls, migrate_all


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cathouse-migrate", description=__doc__)
    parser.add_argument(
        "--settings-root",
        type=Path,
        metavar="FOLDER",
        help="read the .env file of each service from the folder FOLDER/NAME",
    )
    return parser


def main() -> None:
    # At its end, Python would search all imported modules for garbage: a third of the time without new migrations.
    atexit.register(gc.freeze)
    arguments = build_parser().parse_args()
    try:
        revisions = asyncio.run(migrate_all(database_urls(arguments.settings_root)))
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(os.EX_CONFIG)
    except MigrationError as error:
        sys.exit(f"migrate: {error}")
    except DatabaseUnavailable as error:
        sys.exit(
            f"migrate: PostgreSQL does not respond: {error.__cause__}. "
            "Start it, or correct DATABASE_URL of the owner role"
        )
    for name, (before, after) in revisions.items():
        print(
            f"{name}: at {after}" if before == after else f"{name}: {before or 'empty'} → {after}"
        )


if __name__ == "__main__":
    main()
