"""The command line, in process-compose's words where both have them."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from process_compose.errors import PROGRAM, UserError, notice

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: that of the project for `up`, 1 for a mistake of the person."""
    try:
        options = _parser().parse_args(argv, _defaults())
        if options.command == "up":
            return _up(options)
        _ask_running_project(options)
    except UserError as error:
        notice(str(error))
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0


def _up(options: argparse.Namespace) -> int:
    if options.tui != "false":
        raise UserError("there is no terminal interface here: leave --tui out, or say -t=false")
    if options.use_uds and options.unix_socket is None:
        raise UserError("--use-uds needs a path here: add --unix-socket PATH")
    if not options.disable_dotenv and Path(".env").exists():
        raise UserError("this runner does not read .env files: say --disable-dotenv")
    # The client commands must not wait for the imports of the runner.
    from process_compose.config import load
    from process_compose.run import run

    config = load(options.config)
    return run(config, socket=options.unix_socket, ordered_shutdown=options.ordered_shutdown) & 0xFF


def _ask_running_project(options: argparse.Namespace) -> None:
    if options.unix_socket is None:
        raise UserError(f"{options.command} needs the project's socket: add --unix-socket PATH")
    from process_compose import client

    match options.command:
        case "down":
            client.down(options.unix_socket)
        case "ps":
            client.show_list(options.unix_socket, "wide")
        case "list":
            client.show_list(options.unix_socket, options.output)
        case "restart":
            client.restart(options.unix_socket, options.name)
        case "logs":
            client.logs(
                options.unix_socket,
                options.names.split(","),
                tail=options.tail,
                follow=options.follow,
            )


class _Parser(argparse.ArgumentParser):
    """Reports mistakes in one line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {PROGRAM} --help)")


def _defaults() -> argparse.Namespace:
    socket = os.environ.get("PC_SOCKET_PATH")
    return argparse.Namespace(
        config=Path("process-compose.yaml"),
        tui="false",
        disable_dotenv=False,
        ordered_shutdown=False,
        use_uds=False,
        unix_socket=Path(socket) if socket else None,
        output="",
        tail=None,
        follow=False,
    )


def _parser() -> argparse.ArgumentParser:
    # The same flags stand before and after the command, as in process-compose.
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("-U", "--use-uds", action="store_true", help="use a Unix socket")
    common.add_argument(
        "-u", "--unix-socket", type=Path, metavar="PATH", help="the control socket [PC_SOCKET_PATH]"
    )
    common.add_argument("--ordered-shutdown", action="store_true", help="stop dependents first")
    running = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    running.add_argument("-f", "--config", type=Path, metavar="FILE", help="the configuration")
    running.add_argument(
        "-t", "--tui", nargs="?", const="true", choices=("true", "false"), help="false only"
    )
    running.add_argument(
        "--disable-dotenv", action="store_true", help="do not read .env (it never is)"
    )

    parser = _Parser(
        prog=PROGRAM,
        description="Runs a process-compose.yaml.",
        parents=[common, running],
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", parents=[common, running], help="run the project")
    commands.add_parser("down", parents=[common], help="stop it, and wait until it is gone")
    commands.add_parser("ps", parents=[common], help="a table of its processes")
    _add_process_commands(commands, common)
    process = commands.add_parser(
        "process", parents=[common], help="the three above in process-compose's spelling"
    )
    _add_process_commands(
        process.add_subparsers(dest="command", required=True, metavar="COMMAND"), common
    )
    return parser


def _add_process_commands(commands: "argparse._SubParsersAction[_Parser]", common: _Parser) -> None:
    listing = commands.add_parser("list", parents=[common], help="the names of its processes")
    listing.add_argument("-o", "--output", choices=("json", "wide"))
    restart = commands.add_parser("restart", parents=[common], help="stop and start one process")
    restart.add_argument("name", metavar="NAME")
    logs = commands.add_parser("logs", parents=[common], help="the last lines of processes")
    logs.add_argument("names", metavar="NAME[,NAME]")
    logs.add_argument("-f", "--follow", action="store_true", help="and those still to come")
    logs.add_argument("-n", "--tail", type=_count, metavar="COUNT", help="how many lines at most")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines")
    return int(text)
