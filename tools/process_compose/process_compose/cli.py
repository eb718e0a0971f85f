"""The command line. Shared commands and options have the names that process-compose uses."""

import argparse
import atexit
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from process_compose.errors import PROGRAM, UserError, notice

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    `up` returns the status of the project. A mistake on the command line or in the file gives 1.
    """
    # At its end, Python would search all imported modules for garbage: a fifth of the time of a short command.
    atexit.register(gc.freeze)
    try:
        options = build_parser().parse_args(argv, _defaults())
        if options.command == "up":
            return _up(options)
        _ask_running_project(options)
    except UserError as error:
        notice(str(error))
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The program that reads the output has closed the pipe, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0


def _up(options: argparse.Namespace) -> int:
    if options.tui != "false":
        raise UserError("--tui=true is not supported: remove --tui, or write --tui=false")
    if options.use_uds and options.unix_socket is None:
        raise UserError("--use-uds needs the path of the socket: add --unix-socket PATH")
    if not options.disable_dotenv and Path(".env").exists():
        raise UserError(
            "this folder has a .env file, and this program does not read .env files: "
            "add --disable-dotenv"
        )
    # Imported here because the client commands do not need these modules and start faster without them.
    from process_compose.config import load
    from process_compose.run import run

    config = load(options.config)
    return run(config, socket=options.unix_socket, ordered_shutdown=options.ordered_shutdown) & 0xFF


def _ask_running_project(options: argparse.Namespace) -> None:
    if options.unix_socket is None:
        raise UserError(
            f"{options.command} needs the control socket of the project: "
            "add --unix-socket PATH, or set PC_SOCKET_PATH"
        )
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
        case "start":
            client.start(options.unix_socket, options.name)
        case "stop":
            client.stop(options.unix_socket, options.names)
        case "logs":
            client.logs(
                options.unix_socket,
                options.names.split(","),
                tail=options.tail,
                follow=options.follow,
            )


class _Parser(argparse.ArgumentParser):
    """Reports mistakes on the command line as one line, without the usage text."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}. Run {PROGRAM} --help for the commands and options.")


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


def build_parser() -> argparse.ArgumentParser:
    # Options are accepted before and after the command, as in process-compose.
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument(
        "-U",
        "--use-uds",
        action="store_true",
        help="accepted without effect: the control socket is always a Unix socket",
    )
    common.add_argument(
        "-u",
        "--unix-socket",
        type=Path,
        metavar="PATH",
        help="path of the control socket; default: the variable PC_SOCKET_PATH",
    )
    common.add_argument(
        "--ordered-shutdown",
        action="store_true",
        help="for `up`: stop each process after the processes that depend on it",
    )
    running = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    running.add_argument(
        "-f",
        "--config",
        type=Path,
        metavar="FILE",
        help="the configuration file; default: process-compose.yaml",
    )
    running.add_argument(
        "-t",
        "--tui",
        nargs="?",
        const="true",
        choices=("true", "false"),
        help="only `false` is supported: there is no terminal interface",
    )
    running.add_argument(
        "--disable-dotenv",
        action="store_true",
        help="confirm that .env is not read; required where a .env file exists",
    )

    parser = _Parser(
        prog=PROGRAM,
        description="Run the processes of a process-compose.yaml, and control them while they run.",
        parents=[common, running],
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "up", parents=[common, running], help="start the project and run until it ends"
    )
    commands.add_parser(
        "down", parents=[common], help="stop the running project and wait until it has ended"
    )
    commands.add_parser("ps", parents=[common], help="show the processes as a table")
    _add_process_commands(commands, common)
    process = commands.add_parser(
        "process",
        parents=[common],
        help="list, restart, start, stop and logs as subcommands, as process-compose has them",
    )
    _add_process_commands(
        process.add_subparsers(dest="command", required=True, metavar="COMMAND"), common
    )
    return parser


def _add_process_commands(commands: "argparse._SubParsersAction[_Parser]", common: _Parser) -> None:
    listing = commands.add_parser("list", parents=[common], help="list the processes")
    listing.add_argument(
        "-o", "--output", choices=("json", "wide"), help="`wide`: a table; default: only the names"
    )
    restart = commands.add_parser("restart", parents=[common], help="stop and start one process")
    restart.add_argument("name", metavar="NAME", help="the process to restart")
    start = commands.add_parser("start", parents=[common], help="start one process")
    start.add_argument("name", metavar="NAME", help="the process to start")
    stop = commands.add_parser("stop", parents=[common], help="stop processes without restart")
    stop.add_argument("names", nargs="+", metavar="NAME", help="the processes to stop")
    logs = commands.add_parser(
        "logs", parents=[common], help="print the last lines of one or more processes"
    )
    logs.add_argument("names", metavar="NAME[,NAME]", help="the processes, separated by commas")
    logs.add_argument("-f", "--follow", action="store_true", help="then print new lines as well")
    logs.add_argument(
        "-n", "--tail", type=_count, metavar="COUNT", help="print at most COUNT of the last lines"
    )


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines: write 0 or more")
    return int(text)
