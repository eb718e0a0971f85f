"""Load, sent by wrk."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

_IDLE_PERCENT = 20
_SCRIPT = Path(__file__).with_name("wrk.lua")


class LoadFailed(Exception):
    """A request got no response, or one that is no success."""


@dataclass(frozen=True)
class Load:
    """Requests that wrk sends, each connection one after the other."""

    process: psutil.Process
    """The process that responds; its CPU time is measured."""
    url: str
    connections: int
    token: str | None = None
    form: str | None = None
    """The body of a POST; without it, the requests are GET."""

    def start(self, seconds: float) -> "subprocess.Popen[str]":
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{seconds:g}s", "--timeout", "30s"]
        command += ["-s", str(_SCRIPT)]
        if self.token:
            command += ["-H", f"Authorization: Bearer {self.token}"]
        command += [self.url] + (["--", self.form] if self.form else [])
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own words


@dataclass(frozen=True)
class Measured:
    rate: float
    """Responses a second."""
    p50: float
    p99: float
    """Milliseconds."""
    cpu: float
    """Microseconds of CPU time a request, of the process that responds."""


def require_wrk() -> None:
    """Exit with a hint if wrk is missing."""
    if shutil.which("wrk") is None:
        raise SystemExit(
            "bench: the program wrk is missing: apt install wrk, or nix shell nixpkgs#wrk"
        )


def wait_until_idle(process: psutil.Process) -> None:
    """Wait until a process has finished its work for clients that have left."""
    while process.cpu_percent(interval=0.2) > _IDLE_PERCENT:
        pass


def measure(load: Load, seconds: float, beside: Load | None = None) -> Measured:
    """Send a load for this time, and `beside` at the same time. Raises `LoadFailed`."""
    wait_until_idle(load.process)
    other = beside.start(seconds) if beside else None
    worked = _cpu_seconds(load.process)
    output, _ = load.start(seconds).communicate()
    worked = _cpu_seconds(load.process) - worked
    if other:
        other.communicate()
    *_, figures = output.split("figures ")
    requests, microseconds, p50, p99, failed = map(int, figures.split())
    if failed or not requests:
        raise LoadFailed(f"{failed} of {requests} requests failed")
    return Measured(
        rate=requests / microseconds * 1e6,
        p50=p50 / 1000,
        p99=p99 / 1000,
        cpu=worked * 1e6 / requests,
    )


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
