"""The command `cathouse-postgres`."""

import argparse
import sys

from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.settings import Settings

_COMMANDS = {
    "run": "run PostgreSQL in the foreground; make its cluster first if there is none",
    "ready": "exit with 0 when it accepts connections, with 1 when it does not within a second",
    "provision": "make each service's role and schema, and write its connection URL",
}


def main() -> int:
    """Runs one command from the root of the repository; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="cathouse-postgres",
        description=__doc__,
        epilog="Settings, from the environment: STATE_DIR (.state), POSTGRES_BIN, POSTGRES_URL.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, purpose in _COMMANDS.items():
        commands.add_parser(name, help=purpose, description=purpose)
    purpose = "drop what a service that is no more has left: its role, its schema, its secret"
    commands.add_parser("drop", help=purpose, description=purpose).add_argument("name")
    purpose = "open psql as a role that the stack has made, such as that of a service"
    commands.add_parser("psql", help=purpose, description=purpose).add_argument("role")
    arguments = parser.parse_args()
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
    # Each command imports what it alone needs: the probe runs each second, and drivers are slow to
    # import.
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
    return (
        "; it was made by another user: run this as that user, or name another folder in STATE_DIR"
    )


def _fail(line: str) -> int:
    print(f"cathouse-postgres: {line}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
