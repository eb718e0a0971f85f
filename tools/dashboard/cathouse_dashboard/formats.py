"""Numbers and times as people read them."""

from datetime import datetime

from cathouse_dashboard.records import LEVELS


def duration_text(nanoseconds: int) -> str:
    """Return a duration with three digits: `1.23 ms`."""
    return seconds_text(nanoseconds / 1e9)


def seconds_text(seconds: float) -> str:
    """Return seconds with three digits and the unit that fits."""
    if seconds >= 0.9995:
        return f"{seconds:.3g} s" if seconds < 1000 else f"{seconds:.0f} s"
    if seconds >= 0.9995e-3:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds * 1e6:.3g} µs" if seconds else "0 s"


def age_text(seconds: float) -> str:
    """Return how long ago something was: `42 s`, `3 min`, `2 h`, `2 h 5 min`."""
    if seconds < 60:
        return f"{max(seconds, 0):.0f} s"
    hours, minutes = divmod(int(seconds // 60), 60)
    return " ".join(
        (*((f"{hours} h",) if hours else ()), *((f"{minutes} min",) if minutes else ()))
    )


def clock_text(nanoseconds: int) -> str:
    """Return the local time of day, to the millisecond."""
    moment = datetime.fromtimestamp(nanoseconds / 1e9).astimezone()
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def date_text(nanoseconds: int) -> str:
    """Return the local date and time with the offset, for a tooltip."""
    return (
        datetime.fromtimestamp(nanoseconds / 1e9)
        .astimezone()
        .isoformat(sep=" ", timespec="milliseconds")
    )


def level_text(level: int) -> str:
    return LEVELS[level] if 0 <= level < len(LEVELS) else str(level)


def short(value: float, *, bytes_: bool = False) -> str:
    """Return a number with three digits: `1.2 k`, `3.4 MiB`."""
    step, units = (
        (1024.0, ("B", "KiB", "MiB", "GiB", "TiB"))
        if bytes_
        else (1000.0, ("", "k", "M", "G", "T"))
    )
    for unit in units:
        if abs(value) < step * 0.9995 or unit == units[-1]:
            break
        value /= step
    digits = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return f"{digits} {unit}".rstrip()
