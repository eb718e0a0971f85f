"""Create the secrets and the database roles of a deployment. Run it in a folder with `services.toml`."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from cathouse_kit.registry import RegistryError, load_registry
from cathouse_postgres.errors import PostgresToolError

from cathouse_deployment.errors import DeploymentError
from cathouse_deployment.roles import connection_limit, make_roles, server_is_ours
from cathouse_deployment.secret_files import make_secrets, rotate_service_token


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cathouse-deployment", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    secrets = commands.add_parser("secrets", help="create the missing secrets")
    rotate = commands.add_parser(
        "rotate-service-token",
        help="create a new service token; the previous one stays valid until --finish",
    )
    rotate.add_argument(
        "--finish",
        action="store_true",
        help="remove the previous token, when every service has the new one",
    )
    for parser_with_folder in (secrets, rotate):
        parser_with_folder.add_argument(
            "folder",
            nargs="?",
            type=Path,
            default=Path("secrets"),
            metavar="FOLDER",
            help="the folder of the secrets; default: secrets",
        )
    commands.add_parser(
        "roles",
        help="create or repair the roles and schemas of the database, from the secrets in SECRETS_DIR",
    )
    return parser


def main() -> None:
    try:
        _run(build_parser().parse_args())
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
        created = make_secrets(arguments.folder, services)
        print(
            "\n".join(f"created {arguments.folder / name}" for name in created)
            or f"all secrets exist in {arguments.folder}: nothing was changed"
        )
    elif arguments.command == "rotate-service-token":
        rotate_service_token(arguments.folder, finish=arguments.finish)
        print(
            "The previous service token was removed. Deploy the secrets again."
            if arguments.finish
            else "The new and the previous service token are accepted. Deploy the secrets, "
            "then run: cathouse-deployment rotate-service-token --finish"
        )
    else:
        folder = Path(os.environ.get("SECRETS_DIR", "/run/secrets"))
        limit, ours = connection_limit(os.environ), server_is_ours(os.environ)
        asyncio.run(make_roles(folder, services, connections=limit, ours=ours))
        print(f"roles and schemas are ready: {', '.join(service.name for service in services)}")


if __name__ == "__main__":
    main()
