"""`cathouse-deployment`: run it from a folder that holds `services.toml`."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from cathouse_kit.registry import RegistryError, load_registry
from cathouse_postgres.errors import PostgresToolError

from cathouse_deployment.errors import DeploymentError
from cathouse_deployment.roles import connection_limit, make_roles
from cathouse_deployment.secret_files import make_secrets, rotate_service_token


def main() -> None:
    parser = argparse.ArgumentParser(prog="cathouse-deployment", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    secrets = commands.add_parser("secrets", help="make the secrets that are not there yet")
    rotate = commands.add_parser(
        "rotate-service-token",
        help="make a new service token, and keep the one before it accepted until --finish",
    )
    rotate.add_argument(
        "--finish",
        action="store_true",
        help="drop the older token, once every service has the new one",
    )
    for parser_with_folder in (secrets, rotate):
        parser_with_folder.add_argument(
            "folder", nargs="?", type=Path, default=Path("secrets"), metavar="FOLDER"
        )
    commands.add_parser(
        "roles",
        help="make or mend the database's roles and schemas, from the secrets in SECRETS_DIR",
    )
    try:
        _run(parser.parse_args())
    except (DeploymentError, PostgresToolError, RegistryError) as error:
        sys.exit(f"cathouse-deployment: {error}")
    except OSError as error:
        if error.filename is None:
            raise
        sys.exit(f"cathouse-deployment: {error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        sys.exit(130)


def _run(arguments: argparse.Namespace) -> None:
    services = load_registry()
    if arguments.command == "secrets":
        made = make_secrets(arguments.folder, services)
        print(
            "\n".join(f"made {arguments.folder / name}" for name in made) or "all secrets are there"
        )
    elif arguments.command == "rotate-service-token":
        rotate_service_token(arguments.folder, finish=arguments.finish)
        print(
            "one service token is left: deploy it"
            if arguments.finish
            else "two service tokens are accepted: deploy them, then rotate-service-token --finish"
        )
    else:
        folder = Path(os.environ.get("SECRETS_DIR", "/run/secrets"))
        asyncio.run(make_roles(folder, services, connections=connection_limit(os.environ)))
        print(f"roles and schemas are there: {', '.join(service.name for service in services)}")


if __name__ == "__main__":
    main()
