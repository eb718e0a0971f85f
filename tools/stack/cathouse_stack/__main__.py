"""`cathouse-stack`: what the Makefile and process-compose.yaml call; run it from the root of the repository."""

import argparse
import shlex
import sys
import time
from collections.abc import Sequence

from cathouse_kit.registry import RegistryError, Service, load_registry

from cathouse_stack.errors import StackError


def main() -> None:
    parser = argparse.ArgumentParser(prog="cathouse-stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("preflight", help="check what would keep the stack from starting")
    commands.add_parser("ready", help="say where the services answer, once they do")
    commands.add_parser("status", help="say how the services are; fails unless all are ready")
    walk = commands.add_parser("demo", help="walk through the platform over HTTP")
    walk.add_argument(
        "--restart",
        required=True,
        metavar="COMMAND",
        help="restarts the process whose name is added",
    )
    shift = commands.add_parser("ports", help="print the variables that move the stack's ports")
    shift.add_argument("offset")
    arguments = parser.parse_args()
    try:
        sys.exit(_run(arguments, load_registry()))
    except (StackError, RegistryError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _run(arguments: argparse.Namespace, services: Sequence[Service]) -> int:
    # Each command imports what it needs: the stack waits for some of them.
    match arguments.command:
        case "preflight":
            from cathouse_stack.preflight import preflight

            preflight(services)
        case "ready":
            return _ready(services)
        case "status":
            return _status(services)
        case "demo":
            from cathouse_stack.demo import demo

            demo(services, shlex.split(arguments.restart))
        case "ports":
            from cathouse_stack.ports import shifted

            print(" ".join(f"{k}={v}" for k, v in shifted(services, arguments.offset).items()))
    return 0


def _status(services: Sequence[Service]) -> int:
    from cathouse_stack.ports import places
    from cathouse_stack.status import statuses, table

    found = statuses(places(services))
    print(table(found))
    return 0 if all(status.ready for status in found) else 1


def _ready(services: Sequence[Service]) -> int:
    import psutil

    status = _status(services)
    runner = psutil.Process().parent()
    if runner and status == 0:
        print(f"\nCat House is up, in {time.time() - runner.create_time():.1f} s. Ctrl-C stops it.")
    return status


if __name__ == "__main__":
    main()
