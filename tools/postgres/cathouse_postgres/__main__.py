"""Run the PostgreSQL server of the development stack, and create the roles and schemas of the services."""

import argparse
import sys

from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.settings import Settings

_COMMANDS = {
    "run": "run PostgreSQL in the foreground; create its cluster if there is none",
    "ready": "exit with 0 if the server accepts connections within a second, else with 1",
    "provision": "create the roles and the schema of each service, and write its connection URLs",
}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cathouse-postgres",
        description=__doc__,
        epilog="Run it in the root of the repository. Settings come from the environment. STATE_DIR is the folder of "
        "all files (default: .state). POSTGRES_BIN is the folder with the programs of another PostgreSQL 18. "
        "POSTGRES_URL is the URL of the superuser of an external server.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, purpose in _COMMANDS.items():
        commands.add_parser(name, help=purpose, description=purpose)
    purpose = "drop the roles, the schema and the secrets of a service that is no longer registered"
    commands.add_parser("drop", help=purpose, description=purpose).add_argument(
        "name", metavar="NAME", help="name of the removed service"
    )
    purpose = "open psql as a role that `provision` created"
    commands.add_parser("psql", help=purpose, description=purpose).add_argument(
        "role", metavar="ROLE", help="for example the name of a service"
    )
    return parser


def main() -> int:
    """Run one command in the root of the repository. Return the exit status."""
    arguments = build_parser().parse_args()
    try:
        _execute(arguments)
    except KeyboardInterrupt:
        return 130
    except PostgresToolError as error:
        return _fail(str(error))
    except OSError as error:
        if error.filename is None:
            raise
        return _fail(f"{error.filename}: {error.strerror}{_owner_hint(error)}")
    return 0


def _execute(arguments: argparse.Namespace) -> None:
    command: str = arguments.command
    settings = Settings.from_environment()
    # Each command imports only the modules that it needs. The probe runs every second, and drivers are slow to import.
    if command == "ready":
        from cathouse_postgres.ready import wait_until_ready

        wait_until_ready(settings)
    elif command == "provision":
        from cathouse_postgres.provision import provision

        provision(settings)
    elif command == "drop":
        from cathouse_postgres.drop import drop

        drop(settings, arguments.name)
    elif command == "psql":
        from cathouse_postgres.client import become_client

        become_client(settings, arguments.role)
    elif settings.outside_url:
        from cathouse_postgres.outside import stay_for_outside_server

        stay_for_outside_server(settings.outside_url)
    else:
        from cathouse_postgres.run import become_server

        become_server(settings)


def _owner_hint(error: OSError) -> str:
    if not isinstance(error, PermissionError):
        return ""
    return "; another user created it: run this command as that user, or set STATE_DIR to another folder"


def _fail(line: str) -> int:
    print(f"cathouse-postgres: {line}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
