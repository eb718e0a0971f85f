"""`cathouse-dashboard`: the dashboard of the development stack. Run it from the root of the repository."""

import argparse
import os
import signal
import sqlite3
import sys
from pathlib import Path
from types import FrameType

from cathouse_kit.registry import RegistryError, load_registry

from cathouse_dashboard.settings import DashboardError, load_settings

_STATE = Path(".state")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="cathouse-dashboard", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("serve", help="collect and show the telemetry, until SIGTERM or Ctrl-C")
    listing = commands.add_parser("traces", help="print the traces of the last run")
    listing.add_argument(
        "--order",
        choices=("newest", "slowest"),
        default="newest",
        help="newest (default) or slowest traces first",
    )
    listing.add_argument(
        "--status", default="", help="print only traces with this status: failed, 404 or 4xx"
    )
    listing.add_argument(
        "--service", default="", metavar="NAME", help="print only traces through this service"
    )
    listing.add_argument(
        "--request",
        default="",
        metavar="ID",
        help="print only traces of this request; the beginning of the request id is enough",
    )
    listing.add_argument(
        "--since", default="", metavar="AGE", help="print only traces of the last 15m, for example"
    )
    listing.add_argument("--trace", default="", metavar="ID", help="print this trace as a tree")
    listing.add_argument(
        "--limit", type=int, default=20, metavar="COUNT", help="print at most COUNT traces (20)"
    )
    listing.add_argument(
        "--json",
        choices=("yes", "no"),
        default="no",
        help="yes: print one JSON object a line; no (default): print text",
    )
    return parser


def main() -> None:
    arguments = build_parser().parse_args()
    try:
        sys.exit(_run(arguments))
    except (DashboardError, RegistryError) as error:
        sys.exit(f"cathouse-dashboard: {error}")
    except sqlite3.Error as error:
        sys.exit(f"cathouse-dashboard: the telemetry cannot be read: {error}")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "serve":
        return _serve()
    from cathouse_dashboard.terminal import show_traces

    return show_traces(_STATE / "telemetry", arguments)


def _serve() -> int:
    import uvicorn

    from cathouse_dashboard.app import create_app
    from cathouse_dashboard.store.runs import run_of_this_stack, run_path

    settings = load_settings(load_registry(), _STATE)
    began = run_of_this_stack()
    app = create_app(settings, run_path(settings.telemetry, began), began=began.timestamp())

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            # uvicorn waits for open streams, and those of pages have no end.
            app.state.dashboard.live.close()
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    print(f"the dashboard listens on 127.0.0.1 port {settings.port}", flush=True)
    server = Server(config)
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    main()
