"""The rows of the table: each figure of a service, and the same figure of its baseline."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from bench.data import BenchData
from bench.load import Load, Measured, measure, wait_until_idle
from bench.processes import Served

HEADER = f"{'':<44}{'ours':>9}{'base':>9}{'ratio':>7}{'CPU µs: ours':>14}{'base':>7}{'ratio':>7}"


@dataclass(frozen=True)
class Figure:
    name: str
    of: Callable[[Measured], float]


RATE = Figure("a second", lambda measured: measured.rate)
P50 = Figure("p50 ms", lambda measured: measured.p50)
P99 = Figure("p99 ms", lambda measured: measured.p99)


@dataclass(frozen=True)
class Row:
    """A load on a service, and the same load on its baseline."""

    name: str
    """The name that `--only` selects."""
    title: str
    figures: Sequence[Figure]
    ours: Load
    peer: Load | None
    direct: Load | None = None
    """The call that service and baseline both forward. Its times are subtracted from theirs."""
    beside: Load | None = None
    """Another load on the service at the same time. The baseline has none."""

    def lines(self, seconds: float, rounds: int) -> list[str]:
        """Measure service and baseline in turns, so that other programs affect both. Return a line for each figure."""
        ours, peer, direct = [], [], []
        for turn in range(rounds + 1):
            # The first turn warms up.
            duration = seconds if turn else min(seconds, 1.0)
            measured = measure(self.ours, duration, self.beside)
            against = measure(self.peer, duration) if self.peer else None
            below = measure(self.direct, duration) if self.direct else None
            if turn:
                ours.append(measured)
                peer += [against] if against else []
                direct += [below] if below else []
        return [self._line(figure, ours, peer, direct) for figure in self.figures]

    def _line(
        self, figure: Figure, ours: list[Measured], peer: list[Measured], direct: list[Measured]
    ) -> str:
        below = _median(figure.of, direct) if direct else 0.0
        line = f"{self.title + ', ' + figure.name:<44}"
        line += _compared(
            _median(figure.of, ours) - below, _median(figure.of, peer) - below if peer else None, 9
        )

        def cpu(measured: Measured) -> float:
            return measured.cpu

        return line + _compared(_median(cpu, ours), _median(cpu, peer) if peer else None, 14)


def memory_line(name: str, ours: Served, peer: Served) -> str:
    """Return a line with the resident memory of both, in MiB. Waits until they are idle: auth may hash passwords."""
    for served in (ours, peer):
        wait_until_idle(served.process)
    sizes = [served.process.memory_info().rss / 2**20 for served in (ours, peer)]
    return f"{'memory of ' + name + ', MiB':<44}{_compared(sizes[0], sizes[1], 9)}"


def _median(of: Callable[[Measured], float], all_measured: list[Measured]) -> float:
    return statistics.median(of(measured) for measured in all_measured)


def _compared(ours: float, peer: float | None, width: int) -> str:
    if peer is None:
        return f"{_number(ours):>{width}}{'':>{16 if width == 9 else 14}}"
    return f"{_number(ours):>{width}}{_number(peer):>{9 if width == 9 else 7}}{ours / peer:>7.2f}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def rows(
    data: BenchData,
    services: dict[str, Served],
    peers: dict[str, Served],
    cat: Served,
    traced: dict[str, Served],
    gateway: Served,
) -> list[Row]:
    def load(served: Served, path: str, connections: int, token: str | None = None) -> Load:
        return Load(served.process, served.url + path, connections, token)

    auth, catalog, proxy = services["auth"], services["catalog"], services["proxy"]
    me = "/api/v1/auth/me"
    form = urlencode({"username": data.email, "password": data.password})
    sign_in = replace(load(auth, "/api/v1/auth/login", 8), form=form)
    called = f"/api/v1/proxy/{data.installation}/tasks"
    found = "/api/v1/catalog/cats"
    return [
        Row(
            "health",
            "/health, 32 connections",
            [RATE],
            load(auth, "/health", 32),
            load(peers["route"], "/health", 32),
        ),
        Row(
            "bare",
            "/health, base is bare ASGI",
            [RATE],
            load(auth, "/health", 32),
            load(peers["bare"], "/health", 32),
        ),
        Row(
            "jwks",
            "/jwks, 32 connections",
            [RATE],
            load(auth, "/api/v1/auth/jwks", 32),
            load(peers["route"], "/health", 32),
        ),
        Row(
            "me",
            "/me, 32 connections",
            [RATE],
            load(auth, me, 32, data.token),
            load(peers["me"], "/me", 32, data.token),
        ),
        Row(
            "list",
            "list of 20 of 200 cats, 32 connections",
            [RATE],
            load(catalog, f"{found}?limit=20", 32),
            load(peers["cats"], "/cats?limit=20", 32),
        ),
        Row(
            "search",
            "search q=gardn, 32 connections",
            [RATE],
            load(catalog, f"{found}?limit=20&q=gardn", 32),
            load(peers["cats"], "/cats?limit=20&q=gardn", 32),
        ),
        Row(
            "added",
            "added to a direct call",
            [P50, P99],
            load(proxy, called, 1, data.credential),
            load(peers["passes_on"], "/tasks", 1),
            direct=load(cat, "/tasks", 1),
        ),
        Row(
            "proxied",
            "proxied, 32 connections",
            [RATE],
            load(proxy, called, 32, data.credential),
            load(peers["passes_on"], "/tasks", 32),
        ),
        Row(
            "traced-list",
            "list with traces; base: without",
            [RATE],
            load(traced["catalog"], f"{found}?limit=20", 32),
            load(catalog, f"{found}?limit=20", 32),
        ),
        Row(
            "traced-proxied",
            "proxied with traces; base: without",
            [RATE],
            load(traced["proxy"], called, 32, data.credential),
            load(proxy, called, 32, data.credential),
        ),
        Row(
            "gateway-added",
            "added by the gateway to /me",
            [P50, P99],
            load(gateway, me, 1, data.token),
            None,
            direct=load(auth, me, 1, data.token),
        ),
        Row(
            "gateway",
            "/me through the gateway; base: without",
            [RATE],
            load(gateway, me, 32, data.token),
            load(auth, me, 32, data.token),
        ),
        Row(
            "gateway-proxied",
            "proxied through it; base: without",
            [RATE],
            load(gateway, called, 32, data.credential),
            load(proxy, called, 32, data.credential),
        ),
        Row(
            "me-busy",
            "/me while 8 sign in; base: /me alone",
            [P50],
            load(auth, me, 1, data.token),
            load(auth, me, 1, data.token),
            beside=sign_in,
        ),
        Row("sign-in", "sign-ins, 8 connections", [RATE], sign_in, None),
    ]
