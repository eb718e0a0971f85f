"""Print a table that compares each service with its baseline: `make bench`. It measures, and asserts nothing."""

import argparse
import os
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.data import populate
from bench.load import LoadFailed, require_wrk
from bench.processes import ROOT, Machine
from bench.rows import HEADER, Row, memory_line, rows

SERVICES = ("auth", "catalog", "installation", "proxy")
# The highest load average at the start: other programs on the two cores would change the figures.
_QUIET = 0.5
_PROFILED = {"auth": "me", "catalog": "list", "proxy": "proxied"}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds for each measurement")
    parser.add_argument(
        "--rounds",
        type=int,
        default=3,
        help="measurements of each row; the table shows their medians",
    )
    parser.add_argument("--only", action="append", help="measure only the row of this name")
    parser.add_argument(
        "--tree", type=Path, default=ROOT, help="measure the services of another checkout"
    )
    parser.add_argument("--profile", choices=_PROFILED, help="profile a service with py-spy")
    return parser


def main() -> None:
    arguments = build_parser().parse_args()
    require_wrk()
    before = os.getloadavg()[0]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cathouse-bench-")))
        folder.chmod(0o711)
        machine = Machine(stack, folder, arguments.tree.resolve())
        machine.postgres()
        services = {name: machine.service(name) for name in SERVICES}
        cat = machine.peer("bare", beside_load=True)
        data = populate(machine, cat.url)
        traced = {name: machine.traced_service(name, cat.url) for name in ("catalog", "proxy")}
        peers = {
            "bare": machine.peer("bare"),
            "route": machine.peer("route"),
            "me": machine.peer(
                "me",
                DATABASE_URL=machine.database_url("auth"),
                JWKS_URL=f"{machine.url('auth')}/api/v1/auth/jwks",
            ),
            "cats": machine.peer("cats", DATABASE_URL=machine.database_url("catalog")),
            "passes_on": machine.peer("passes_on", CAT_URL=cat.url),
        }
        gateway = machine.gateway()
        table = rows(data, services, peers, cat, traced, gateway)
        if arguments.profile:
            (row,) = (row for row in table if row.name == _PROFILED[arguments.profile])
            profile(arguments.profile, row, arguments.seconds)
            return
        print(HEADER, flush=True)
        for row in table:
            if arguments.only and row.name not in arguments.only:
                continue
            try:
                lines = row.lines(arguments.seconds, arguments.rounds)
            except LoadFailed as error:
                lines = [f"{row.title}: {error}"]
            print("\n".join(lines), flush=True)
        if not arguments.only:
            for name, peer in (("auth", "me"), ("catalog", "cats"), ("proxy", "passes_on")):
                print(memory_line(name, services[name], peers[peer]))
    print(f"\nload average {before:.2f} before, {os.getloadavg()[0]:.2f} after")
    if before > _QUIET:
        print(f"warning: the machine was busy (load above {_QUIET}); only ratios mean something")


def profile(name: str, row: Row, seconds: float) -> None:
    """Write where a service spends its time under load, as a flame graph."""
    graph = ROOT / ".state" / f"profile-{name}.svg"
    graph.parent.mkdir(exist_ok=True)
    load = row.ours.start(seconds + 2)
    command = ["py-spy", "record", "--pid", str(row.ours.process.pid), "--output", str(graph)]
    subprocess.run([*command, "--duration", f"{seconds:.0f}"], check=True)  # noqa: S603
    load.communicate()
    print(f"open {graph} in a browser")


if __name__ == "__main__":
    main()
