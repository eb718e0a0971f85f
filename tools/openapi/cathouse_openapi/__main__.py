"""Write and release the descriptions of the API, and generate its clients. Run it in the root of the repository."""

import argparse
import atexit
import gc
import sys
from pathlib import Path

from cathouse_kit.registry import RegistryError, load_registry

from cathouse_openapi.api import Api
from cathouse_openapi.clients import Clients
from cathouse_openapi.descriptions import describe
from cathouse_openapi.errors import ApiError

FOLDER = Path("docs/openapi")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cathouse-openapi", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("write", help="write the descriptions and the changelog")
    commands.add_parser("clients", help="generate the clients from the written descriptions")
    for name, text in (
        ("releasable", "check that the current API can be released as VERSION"),
        ("release", "release the written descriptions as VERSION"),
    ):
        commands.add_parser(name, help=text).add_argument(
            "version", metavar="VERSION", help="three numbers, such as 0.2.0"
        )
    return parser


def main() -> None:
    # A third of the time would go into searching the imported services for garbage, also at the end of Python.
    gc.disable()
    atexit.register(gc.freeze)
    arguments = build_parser().parse_args()
    try:
        services = load_registry()
        if arguments.command == "clients":
            Clients(Path(), services).write()
            return
        api = Api(FOLDER, describe(services))
        match arguments.command:
            case "write":
                api.write()
            case "releasable":
                api.check_release(arguments.version)
            case "release":
                api.release(arguments.version)
    except (ApiError, RegistryError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
