"""Rates and quantiles over time, from the counters and histograms of samples."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from cathouse_dashboard.collect.scraper import read_key
from cathouse_dashboard.records import Sample

REQUESTS = "http_requests_total"
BUCKETS = "http_request_duration_seconds_bucket"

Point = tuple[int, float | None]
"""A time, and a value; None where nothing is known, as while a service is down."""
Labels = Mapping[str, str]

_read = lru_cache(20_000)(read_key)
# Samples that are missing leave a gap in the chart.
_GAP_STEPS = 3.2
_LONGEST_STEP = 16_000_000_000


def increases(
    samples: Sequence[Sample], name: str
) -> Iterator[tuple[int, float, list[tuple[Labels, float]]]]:
    """Yield, for each pair of neighbours of one service, the later time, the seconds between and each increase.

    A counter that is lower than before began anew at 0: its process was restarted.
    """
    before: Sample | None = None
    pairs = pairwise(samples)
    longest = _GAP_STEPS * min((later.time - earlier.time for earlier, later in pairs), default=0)
    for sample in samples:
        if before is not None and 0 < sample.time - before.time < max(longest, _LONGEST_STEP):
            found: list[tuple[Labels, float]] = []
            for key, value in sample.values.items():
                if key.startswith(name) and (read := _read(key))[0] == name:
                    last = before.values.get(key, 0.0)
                    found.append((read[1], value - last if value >= last else value))
            yield sample.time, (sample.time - before.time) / 1e9, found
        before = sample


def rate(samples: Sequence[Sample], name: str, counts: Callable[[Labels], bool]) -> list[Point]:
    """Return the increase a second of all series whose labels count."""
    return [
        (time, sum(value for labels, value in found if counts(labels)) / seconds)
        for time, seconds, found in increases(samples, name)
    ]


def share(
    samples: Sequence[Sample], counts: Callable[[Labels], bool], of: Callable[[Labels], bool]
) -> list[Point]:
    """Return which share of the requests `of` counts; None where there were none."""
    points: list[Point] = []
    for time, _, found in increases(samples, REQUESTS):
        total = sum(value for labels, value in found if of(labels))
        part = sum(value for labels, value in found if of(labels) and counts(labels))
        points.append((time, part / total if total else None))
    return points


def quantile_over_time(
    samples: Sequence[Sample], wanted: float, counts: Callable[[Labels], bool]
) -> list[Point]:
    """Return the quantile of the durations of the requests that count, in seconds; None where there were none."""
    return [
        (time, quantile(_buckets(found, counts), wanted))
        for time, _, found in increases(samples, BUCKETS)
    ]


def quantile_in_all(
    samples: Sequence[Sample], wanted: float, counts: Callable[[Labels], bool]
) -> float | None:
    """Return the quantile over the whole time."""
    total: dict[float, float] = {}
    for _, _, found in increases(samples, BUCKETS):
        for bound, count in _buckets(found, counts).items():
            total[bound] = total.get(bound, 0) + count
    return quantile(total, wanted)


def quantile(buckets: Mapping[float, float], wanted: float) -> float | None:
    """Return a quantile from cumulative buckets, as Prometheus' `histogram_quantile` does.

    Within a bucket, values count as spread evenly. None where there is no value.
    """
    bounds = sorted(buckets)
    if not bounds or buckets[bounds[-1]] <= 0:
        return None
    rank = wanted * buckets[bounds[-1]]
    lower, below = 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= rank:
            if bound == float("inf"):
                return lower
            within = buckets[bound] - below
            return lower + (bound - lower) * ((rank - below) / within if within else 1.0)
        lower, below = bound, buckets[bound]
    return lower


def total(samples: Iterable[Sample], name: str) -> list[Point]:
    """Return the sum of all series of a name; None where a sample has none."""
    points: list[Point] = []
    for sample in samples:
        found = [value for key, value in sample.values.items() if _read(key)[0] == name]
        points.append((sample.time, sum(found) if found else None))
    return points


def _buckets(
    found: Iterable[tuple[Labels, float]], counts: Callable[[Labels], bool]
) -> dict[float, float]:
    buckets: dict[float, float] = {}
    for labels, value in found:
        if counts(labels):
            bound = float(labels["le"])
            buckets[bound] = buckets.get(bound, 0) + value
    return buckets
