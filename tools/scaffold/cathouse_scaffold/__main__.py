"""Create and remove services, and render the generated files. Run it in the root of the repository."""

import argparse
import sys
from pathlib import Path

from cathouse_kit.registry import RegistryError

from cathouse_scaffold.creation import ServiceSpec, create
from cathouse_scaffold.documents import render, stale
from cathouse_scaffold.errors import ScaffoldError
from cathouse_scaffold.imports import check_imports
from cathouse_scaffold.platforms.choices import completed
from cathouse_scaffold.platforms.creation import generating_targets, rename_platform
from cathouse_scaffold.platforms.names import PlatformError
from cathouse_scaffold.removal import remove
from cathouse_scaffold.updating import update

ROOT = Path()


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cathouse-scaffold", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("render", help="write the generated files that are not current")
    commands.add_parser("imports", help="check the import rules between packages")
    commands.add_parser(
        "stale", help="list the generated files that are not current; fail if there are any"
    )
    service = commands.add_parser("service", help="create a service from the template")
    service.add_argument("name", metavar="NAME", help="letters a to z and digits, such as reviews")
    service.add_argument("--port", type=_given, help="default: the next free port")
    service.add_argument(
        "--prefix", type=_given, help="prefix of its routes; default: /api/v1/NAME"
    )
    service.add_argument("--description", type=_given, help="one line without a full stop")
    removal = commands.add_parser("service-remove", help="remove a service")
    removal.add_argument("name", metavar="NAME")
    renaming = commands.add_parser("rename", help="give the platform in this folder another name")
    renaming.add_argument("name", metavar="NAME", help="name for people, such as Acme Tools")
    for option, text in (
        ("--package", "name of packages; default: NAME in small letters, without spaces"),
        ("--description", "one line without a full stop"),
        ("--ports", "first port of the development stack; default: 8000"),
        ("--registry", "registry of images, with the path"),
        ("--holder", "holder of the copyright"),
    ):
        renaming.add_argument(option, type=_given, help=text)
    updates = commands.add_parser("update", help="merge a later state of the platform's origin")
    updates.add_argument("--version", type=_given, help="a tag, branch or commit of the origin")
    return parser


def main() -> None:
    try:
        _run(build_parser().parse_args())
    except (PlatformError, ScaffoldError, RegistryError, OSError) as error:
        sys.exit("\n".join([str(error), *_notes(error)]))
    except KeyboardInterrupt as interrupt:
        for note in _notes(interrupt):
            print(note, file=sys.stderr)
        sys.exit(130)


def _notes(error: BaseException) -> list[str]:
    """Return the notes that `undoable` added."""
    return getattr(error, "__notes__", [])


def _given(value: str) -> str | None:
    # make passes an empty value for a variable that was not typed.
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
                    "\n".join(f"{path} does not match services.toml and the code" for path in paths)
                )
        case "service":
            if not arguments.name:
                raise ScaffoldError("NAME is missing: make service NAME=reviews")
            if arguments.port and not arguments.port.isdecimal():
                raise ScaffoldError(
                    f"PORT={arguments.port} is not a number: use a number, or leave PORT out"
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
                f"\nCreated services/{service.name}, with port {service.port} and prefix {service.prefix}."
                f" Run `make up` to start it. services/{service.name}/README.md describes it."
            )
        case "service-remove":
            if not arguments.name:
                raise ScaffoldError("NAME is missing: make service-remove NAME=reviews")
            service, paths = remove(ROOT, arguments.name)
            print(*paths, sep="\n")
            print(
                f"\nRemoved {service.name}. Its schema, its roles and their secrets stay in .state."
                " To drop them, run this command while the stack is up:"
                f" cathouse-postgres drop {service.name}"
            )
        case "rename":
            if not arguments.name:
                raise ScaffoldError('NAME is missing: make rename NAME="Acme Tools"')
            given = {
                "display_name": arguments.name,
                "package": arguments.package,
                "description": arguments.description,
                "ports": arguments.ports,
                "registry": arguments.registry,
                "licence_holder": arguments.holder,
            }
            rename_platform(ROOT, completed(given))
            print(f"The platform is {arguments.name} now. `git diff HEAD` shows the changes.")
        case "update":
            if conflicts := update(ROOT, arguments.version):
                print(*conflicts, sep="\n")
                sys.exit(
                    "\nResolve the conflicts in these files, as after `git merge`. Then run:"
                    f" make install {' '.join(generating_targets(ROOT))} check"
                )
            print("The update is merged. Read it with `git diff HEAD`, then run: make check test")


if __name__ == "__main__":
    main()
