"""Charts as the paths of an SVG picture: drawn here, so that a page needs no library and no script for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from cathouse_dashboard.formats import seconds_text, short
from cathouse_dashboard.series import Point

WIDTH, HEIGHT = 600.0, 100.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart."""

    label: str
    path: str
    """The `d` of an SVG path; empty without values."""
    last: str
    highest: str


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    lines: tuple[Line, ...]
    top: str
    """The value at the upper edge; the lower one is 0."""

    @property
    def description(self) -> str:
        """The chart in words, for those who do not see it."""
        parts = [f"{line.label}: now {line.last}, at most {line.highest}" for line in self.lines]
        return f"{self.title}. {'; '.join(parts)}" if parts else f"{self.title}. No values yet."


def draw(
    title: str, unit: str, series: Sequence[tuple[str, Sequence[Point]]], begin: int, end: int
) -> Chart:
    """Draw series of one unit from `begin` to `end`. `unit` is `s`, `%`, `B` or a text to append."""
    values = [value for _, points in series for _, value in points if value is not None]
    top = _round_up(max(values, default=0.0))
    lines = []
    for label, points in series:
        known = [value for _, value in points if value is not None]
        last = next((value for _, value in reversed(points) if value is not None), None)
        lines.append(
            Line(
                label,
                _path(points, begin, end, top),
                value_text(last, unit),
                value_text(max(known, default=None), unit),
            )
        )
    return Chart(title, tuple(lines), value_text(top, unit))


def value_text(value: float | None, unit: str) -> str:
    """Return a value with its unit, for people; a dash where there is none."""
    if value is None:
        return "–"
    if unit == "s":
        return seconds_text(value)
    if unit == "%":
        return f"{value * 100:.3g} %"
    return f"{short(value, bytes_=unit == 'B')}{'' if unit == 'B' else unit}"


def _path(points: Sequence[Point], begin: int, end: int, top: float) -> str:
    parts = []
    pen_down = False
    for time, value in points:
        if value is None or not begin <= time <= end:
            pen_down = False
            continue
        x = (time - begin) / max(end - begin, 1) * WIDTH
        y = HEIGHT - (value / top if top else 0.0) * (HEIGHT - 4) - 2
        parts.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}")
        if not pen_down:
            parts.append("h0.5")  # one value alone is a dot
        pen_down = True
    return "".join(parts)


def _round_up(value: float) -> float:
    """Return the next value of one digit, or of 1.5 and 2.5: an axis that people read."""
    if value <= 0:
        return 0.0
    power = (
        10.0 ** (len(str(int(value))) - 1)
        if value >= 1
        else 10.0 ** -next(place for place in range(1, 20) if value * 10**place >= 1)
    )
    steps = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
    return next(step * power for step in steps if step * power >= value * 0.999999)
