"""The architecture from the registry, with the calls of the last minutes: boxes in a row, arcs between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cathouse_kit.registry import Service

CATS = "cats"
_BOX, _GAP, _HEIGHT = 150, 40, 56
_BEND, _BEND_PER_STEP = 24, 26
_SHARE = 0.75
"""Of its bend, what a curve of this form reaches."""


@dataclass(frozen=True, slots=True)
class Box:
    name: str
    note: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Arrow:
    path: str
    label: str
    x: float
    y: float
    failing: bool
    used: bool
    description: str


@dataclass(frozen=True, slots=True)
class Picture:
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    width: int
    height: int


def draw(
    services: Sequence[Service],
    calls: Mapping[tuple[str, str], tuple[int, int]],
    seconds: float,
) -> Picture:
    """Draw all services, the calls that the registry allows, and those to cats, with how many there were."""
    names = [service.name for service in services] + [CATS]
    left = {name: 10 + place * (_BOX + _GAP) for place, name in enumerate(names)}
    allowed = [(service.name, called) for service in services for called in service.calls]
    allowed += [(service.name, CATS) for service in services if service.outside]
    places = {name: place for place, name in enumerate(names)}
    above = max((places[called] - places[caller] for caller, called in allowed), default=0)
    below = max((places[caller] - places[called] for caller, called in allowed), default=0)
    top = 20 + _bend(max(above, 1)) * _SHARE
    arrows = []
    for caller, called in allowed:
        count, failed = _calls(calls, caller, called, names)
        arrows.append(_arrow(caller, called, left, top, seconds, failed, count))
    boxes = tuple(Box(name, "outside" if name == CATS else "", left[name], top) for name in names)
    height = top + _HEIGHT + _bend(max(below, 1)) * _SHARE + 12
    return Picture(boxes, tuple(arrows), 10 + len(names) * (_BOX + _GAP), round(height))


def _bend(steps: float) -> float:
    return _BEND + _BEND_PER_STEP * steps


def _calls(
    calls: Mapping[tuple[str, str], tuple[int, int]], caller: str, called: str, names: Sequence[str]
) -> tuple[int, int]:
    if called != CATS:
        return calls.get((caller, called), (0, 0))
    # A call to a cat names the cat, which is no service.
    found = [
        value
        for (source, target), value in calls.items()
        if source == caller and target not in names
    ]
    return sum(count for count, _ in found), sum(failed for _, failed in found)


def _arrow(
    caller: str,
    called: str,
    left: Mapping[str, float],
    top: float,
    seconds: float,
    failed: int,
    count: int,
) -> Arrow:
    forward = left[called] > left[caller]
    # Calls to the right go above the boxes, those to the left below them; each end has its own place on a box.
    edge = top if forward else top + _HEIGHT
    steps = abs(left[called] - left[caller]) / (_BOX + _GAP)
    bend = edge + (-1 if forward else 1) * _bend(steps)
    begin = left[caller] + _BOX * (0.62 + 0.06 * steps if forward else 0.38 - 0.06 * steps)
    end = left[called] + _BOX * (0.38 - 0.06 * steps if forward else 0.62 + 0.06 * steps)
    rate = (
        f"{count / seconds:.2g}/s"
        if count >= seconds
        else f"{count} calls"
        if count != 1
        else "1 call"
    )
    label = f"{rate}, {failed / count:.0%} failed" if failed else rate if count else ""
    description = f"{caller} to {called}: {rate}, {failed} failed"
    path = (
        f"M{begin:.0f} {edge:.0f} C{begin:.0f} {bend:.0f} {end:.0f} {bend:.0f} {end:.0f} {edge:.0f}"
    )
    y = edge + (bend - edge) * _SHARE - 4
    return Arrow(path, label, (begin + end) / 2, y, failed > 0, count > 0, description)
