"""`cathouse-scaffold`: what the Makefile calls; run it from the root of the repository."""

import argparse
import sys
from pathlib import Path

from cathouse_kit.registry import RegistryError

from cathouse_scaffold.creation import ServiceSpec, create
from cathouse_scaffold.documents import render, stale
from cathouse_scaffold.errors import ScaffoldError
from cathouse_scaffold.imports import check_imports
from cathouse_scaffold.removal import remove

ROOT = Path()


def main() -> None:
    parser = argparse.ArgumentParser(prog="cathouse-scaffold", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("render", help="write what follows from services.toml")
    commands.add_parser("imports", help="check which packages import which")
    commands.add_parser(
        "stale", help="list the files that render would write; fails if there are any"
    )
    service = commands.add_parser("service", help="make a service")
    service.add_argument("name")
    service.add_argument("--port", type=_given)
    service.add_argument("--prefix", type=_given)
    service.add_argument("--description", type=_given)
    removal = commands.add_parser("service-remove", help="take a service away")
    removal.add_argument("name")
    try:
        _run(parser.parse_args())
    except (ScaffoldError, RegistryError, OSError) as error:
        sys.exit("\n".join([str(error), *_notes(error)]))
    except KeyboardInterrupt as interrupt:
        for note in _notes(interrupt):
            print(note, file=sys.stderr)
        sys.exit(130)


def _notes(error: BaseException) -> list[str]:
    """Return what `undoable` added."""
    return getattr(error, "__notes__", [])


def _given(value: str) -> str | None:
    # An empty variable of make counts as left out.
    return value or None


def _run(arguments: argparse.Namespace) -> None:
    match arguments.command:
        case "render":
            for path in render(ROOT):
                print(path)
        case "imports":
            sys.exit(check_imports(ROOT))
        case "stale":
            if paths := stale(ROOT):
                sys.exit(
                    "\n".join(
                        f"{path} is not what services.toml and the code say" for path in paths
                    )
                )
        case "service":
            if not arguments.name:
                raise ScaffoldError("which one? make service NAME=reviews")
            if arguments.port and not arguments.port.isdecimal():
                raise ScaffoldError(
                    f"PORT={arguments.port} is no port: give a number, or leave it out"
                )
            spec = ServiceSpec(
                arguments.name,
                port=int(arguments.port) if arguments.port else None,
                prefix=arguments.prefix,
                description=arguments.description,
            )
            service, paths = create(ROOT, spec)
            print(*paths, sep="\n")
            print(
                f"\nservices/{service.name} is there, on port {service.port}, at {service.prefix}."
                f" `make up` starts it; its README says what is in it."
            )
        case "service-remove":
            if not arguments.name:
                raise ScaffoldError("which one? make service-remove NAME=reviews")
            service, paths = remove(ROOT, arguments.name)
            print(*paths, sep="\n")
            print(
                f"\n{service.name} is gone. What `make up` made for it stays in .state: the schema and"
                f" the role {service.name}, and its secret. `cathouse-postgres drop {service.name}` drops them, while"
                " the stack is up."
            )


if __name__ == "__main__":
    main()
