"""`cathouse-scaffold`: what the Makefile calls; run it from the root of the repository."""

import argparse
import sys
from pathlib import Path

from cathouse_kit.registry import RegistryError, load_registry

from cathouse_scaffold.errors import ScaffoldError


def main() -> None:
    parser = argparse.ArgumentParser(prog="cathouse-scaffold", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("render", help="write what follows from services.toml")
    try:
        _run(parser.parse_args())
    except (ScaffoldError, RegistryError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _run(arguments: argparse.Namespace) -> None:
    from cathouse_scaffold.rendering import Rendering

    stale = Rendering(Path(), load_registry()).stale()
    for path, text in stale.items():
        if text is None:
            path.unlink()
        else:
            path.write_text(text, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
