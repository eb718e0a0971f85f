"""Commands of the development stack. The Makefile runs them. Start them in the root of the repository."""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from cathouse_kit.registry import RegistryError, Service, load_registry

from cathouse_stack.errors import StackError

# The folder and the settings that auth has in the development stack.
_CREATE_ADMIN = shlex.join(
    [
        *(
            "sh",
            "-c",
            'cd services/auth && SECRETS_DIR=../../.state/secrets LOG_LEVEL=WARNING exec "$@"',
            "-",
        ),
        *(sys.executable, "-m", "cathouse_auth", "create-admin"),
    ]
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cathouse-stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "preflight", help="check the ports, settings and variables before the stack starts"
    )
    commands.add_parser("ready", help="print the address and state of each service at the start")
    commands.add_parser(
        "status", help="print the address and state of each service; fail unless all are ready"
    )
    restarts = "a command that restarts a part of the stack; the name of the part is added to it"
    walk = commands.add_parser("demo", help="walk through the platform over HTTP")
    walk.add_argument(
        "--restart",
        required=True,
        metavar="COMMAND",
        help=restarts,
    )
    walk.add_argument(
        "--create-admin",
        default=_CREATE_ADMIN,
        metavar="COMMAND",
        help="a command that creates an admin; `--email EMAIL` is added to it; default: in the stack of `make up`",
    )
    walk.add_argument(
        "--address",
        metavar="URL",
        help="address of the gateway; default: on this machine",
    )
    walk.add_argument(
        "--cat",
        metavar="URL",
        help="address of the example cat, as the proxy reaches it; default: on this machine",
    )
    of_tests = {
        "test": "run all tests, or some of them",
        "coverage": "run the tests and print the coverage of each package",
        "watch": "run the tests after each change of a Python file, until Ctrl-C",
    }
    for name, text in of_tests.items():
        tests = commands.add_parser(name, help=text)
        tests.add_argument(
            "--only", default="", metavar="PATH", help="run only this folder, file or test"
        )
        tests.add_argument("--args", default="", help="more options for pytest")
    commands.add_parser("seed", help="create people, cats, adoptions, reviews and calls")
    commands.add_parser("migrate", help="upgrade every database schema to its newest revision")
    of_services = {
        "logs": "print the log lines of the processes, then each new line",
        "restart": "restart a service and wait until it is ready",
        "psql": "open psql with the database role of a service",
        "shell": "open a Python prompt with the settings and a database session of a service",
        "migration": "write the next migration of a service from the changes in its models",
    }
    parsers = {name: commands.add_parser(name, help=text) for name, text in of_services.items()}
    for each in parsers.values():
        each.add_argument("--service", default="", metavar="NAME", help="such as catalog")
    parsers["logs"].add_argument(
        "--level",
        default="",
        help="print only lines of this level and higher ones, such as WARNING",
    )
    parsers["logs"].add_argument(
        "--request",
        default="",
        metavar="ID",
        help="print only lines of this request; the beginning of the request id is enough",
    )
    parsers["logs"].add_argument(
        "--follow",
        default="yes",
        metavar="yes|no",
        help="yes (default): print new lines until Ctrl-C; no: print only existing lines",
    )
    parsers["logs"].add_argument(
        "--since", default="", metavar="AGE", help="print only lines of the last 15m, for example"
    )
    parsers["logs"].add_argument(
        "--json",
        default="no",
        metavar="yes|no",
        help="yes: print one JSON object a line; no (default): print text",
    )
    parsers["restart"].add_argument(
        "--with", required=True, dest="restart", metavar="COMMAND", help=restarts
    )
    parsers["migration"].add_argument(
        "--name", default="", help='the change in a few words, such as "add nicknames"'
    )
    shift = commands.add_parser("ports", help="print the variables that move the ports by OFFSET")
    shift.add_argument("offset", metavar="OFFSET")
    return parser


def main() -> None:
    arguments = build_parser().parse_args()
    try:
        sys.exit(_run(arguments, load_registry()))
    except (StackError, RegistryError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _run(arguments: argparse.Namespace, services: Sequence[Service]) -> int:
    # Each command imports only the modules that it needs, because the start of the stack waits for some commands.
    match arguments.command:
        case "preflight":
            from cathouse_stack.preflight import preflight

            preflight(services)
        case "ready":
            return _ready(services)
        case "status":
            return _status(services)
        case "demo":
            from cathouse_stack.demo import Running, demo
            from cathouse_stack.ports import other_ports

            running = Running(
                restart=shlex.split(arguments.restart),
                create_admin=shlex.split(arguments.create_admin),
                cat=arguments.cat or f"http://127.0.0.1:{other_ports()['tasks']}",
            )
            demo(arguments.address or f"http://127.0.0.1:{other_ports()['gateway']}", running)
        case "seed":
            from cathouse_stack.demo import Running
            from cathouse_stack.lookup import require_running_stack
            from cathouse_stack.ports import other_ports
            from cathouse_stack.seed import seed

            require_running_stack()
            cat = f"http://127.0.0.1:{other_ports()['tasks']}"
            seed(Running(restart=(), create_admin=shlex.split(_CREATE_ADMIN), cat=cat))
        case "test":
            from cathouse_stack.selected_tests import become_pytest

            become_pytest(arguments.only, arguments.args)
        case "coverage":
            from cathouse_stack.coverage_table import measure

            return measure(arguments.only, arguments.args)
        case "watch":
            from cathouse_stack.watched_tests import watch_tests

            watch_tests(arguments.only, arguments.args)
        case "logs":
            from cathouse_stack.logs import Filter, show_logs
            from cathouse_stack.since import parse_since

            since = parse_since(arguments.since, datetime.now()) if arguments.since else None
            show_logs(
                arguments.service,
                Filter(arguments.level, arguments.request, since),
                follow=_is_yes("FOLLOW", arguments.follow),
                as_json=_is_yes("JSON", arguments.json),
            )
        case "restart" | "psql" | "shell" | "migration" | "migrate":
            _with_running_stack(arguments, services)
        case "ports":
            from cathouse_stack.ports import shifted

            print(" ".join(f"{k}={v}" for k, v in shifted(services, arguments.offset).items()))
    return 0


def _is_yes(variable: str, value: str) -> bool:
    if value not in ("yes", "no"):
        raise StackError(f"{variable}={value} is not valid: use yes or no")
    return value == "yes"


def _with_running_stack(arguments: argparse.Namespace, services: Sequence[Service]) -> None:
    from cathouse_stack import lookup

    if arguments.command == "migrate":
        lookup.require_running_stack()
        os.environ.setdefault("SECRETS_DIR", "../../.state/secrets")
        _become("cathouse_migrate", "--settings-root", "services")
    service = lookup.find_service(services, arguments.service)
    if arguments.command == "migration" and not arguments.name.strip():
        raise StackError(
            f'A migration needs a name: make migration SERVICE={service.name} NAME="add nicknames"'
        )
    lookup.require_running_stack()
    match arguments.command:
        case "restart":
            from cathouse_stack.ports import endpoints
            from cathouse_stack.restart import restart

            (endpoint,) = (each for each in endpoints(services) if each.service == service)
            seconds = restart(endpoint, shlex.split(arguments.restart))
            print(f"{service.name} is ready again, after {seconds:.1f} s")
        case "psql":
            _become("cathouse_postgres", "psql", service.name)
        case "shell":
            from cathouse_stack.service_shell import run_shell

            lookup.enter_service(services, service)
            run_shell(service.package)
        case "migration":
            lookup.enter_service(services, service)
            _become(service.package, "revision", "--", arguments.name)


def _become(module: str, *arguments: str) -> NoReturn:
    """Replace this process with `python -m MODULE`."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - no shell


def _status(services: Sequence[Service]) -> int:
    from cathouse_stack.ports import endpoints, other_ports
    from cathouse_stack.status import dashboard_address, statuses, table

    if address := dashboard_address():
        print(f"See it run: {address}")
    print(
        f"The API is at http://localhost:{other_ports()['gateway']}, with all descriptions at /docs\n"
    )
    found = statuses(endpoints(services))
    print(table(found))
    return 0 if all(status.ready for status in found) else 1


def _ready(services: Sequence[Service]) -> int:
    import psutil

    status = _status(services)
    this = psutil.Process()
    runner = this.parent()
    if runner and status == 0:
        # This process starts when all services are ready, so its start time is the end of the start-up. The clock is
        # not used, because it differs from the start times that the system reports by up to 1 s.
        seconds = this.create_time() - runner.create_time()
        print(f"\nCat House is up after {seconds:.1f} s. Press Ctrl-C to stop it.")
    return status


if __name__ == "__main__":
    main()
