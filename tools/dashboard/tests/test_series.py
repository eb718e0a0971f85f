import math

import pytest
from cathouse_dashboard import series
from cathouse_dashboard.charts import draw
from cathouse_dashboard.collect.scraper import parse_metrics
from cathouse_dashboard.records import Sample

SECOND = 10**9
TEXT = """
# HELP http_requests_total Requests answered
# TYPE http_requests_total counter
http_requests_total{{method="GET",route="/cats",status="200"}} {ok}
http_requests_total{{method="GET",route="/cats",status="503"}} {failed}
http_requests_total{{method="GET",route="/health",status="200"}} 100
http_requests_created{{method="GET",route="/cats",status="200"}} 1.7e9
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{{le="0.1",method="GET",route="/cats"}} {ok}
http_request_duration_seconds_bucket{{le="1.0",method="GET",route="/cats"}} {all}
http_request_duration_seconds_bucket{{le="+Inf",method="GET",route="/cats"}} {all}
http_request_duration_seconds_count{{method="GET",route="/cats"}} {all}
http_request_duration_seconds_sum{{method="GET",route="/cats"}} 3
# TYPE http_requests_in_flight gauge
http_requests_in_flight 2
"""


def sample(second: int, ok: int, failed: int) -> Sample:
    text = TEXT.format(ok=ok, failed=failed, all=ok + failed)
    return Sample(second * SECOND, "auth", parse_metrics(text))


def cats(labels: series.Labels) -> bool:
    return labels["route"] == "/cats"


def failed(labels: series.Labels) -> bool:
    return labels["status"] == "503"


SAMPLES = [sample(0, 0, 0), sample(5, 8, 2), sample(10, 8, 2)]


def test_rates_shares_and_quantiles_come_from_the_increase_between_samples() -> None:
    assert series.rate(SAMPLES, series.REQUESTS, cats) == [(5 * SECOND, 2.0), (10 * SECOND, 0.0)]
    assert series.share(SAMPLES, failed, cats) == [(5 * SECOND, 0.2), (10 * SECOND, None)]
    (_, p50), (_, none) = series.quantile_over_time(SAMPLES, 0.5, cats)
    assert p50 == pytest.approx(0.0625)
    assert none is None
    assert series.quantile_in_all(SAMPLES, 0.9, cats) == pytest.approx(0.55)
    assert series.total(SAMPLES, "http_requests_in_flight")[0] == (0, 2.0)


def test_a_restart_counts_from_zero_and_a_gap_counts_nothing() -> None:
    restarted = [sample(0, 100, 0), sample(5, 10, 0)]
    assert series.rate(restarted, series.REQUESTS, cats) == [(5 * SECOND, 2.0)]
    assert series.rate([sample(0, 0, 0), sample(500, 10, 0)], "none", cats)[0][1] == 0
    gap = [sample(0, 0, 0), sample(5, 10, 0), sample(500, 20, 0)]
    assert [time for time, _ in series.rate(gap, series.REQUESTS, cats)] == [5 * SECOND]


@pytest.mark.parametrize(
    ("buckets", "wanted", "expected"),
    [
        ({}, 0.5, None),
        ({1.0: 0.0, math.inf: 0.0}, 0.5, None),
        ({1.0: 10.0, math.inf: 10.0}, 0.5, 0.5),
        ({1.0: 0.0, 2.0: 10.0, math.inf: 10.0}, 1.0, 2.0),
        ({1.0: 1.0, math.inf: 10.0}, 0.95, 1.0),
    ],
)
def test_a_quantile_is_as_prometheus_says_it(
    buckets: dict[float, float], wanted: float, expected: float | None
) -> None:
    assert series.quantile(buckets, wanted) == expected


def test_created_series_are_no_values() -> None:
    assert not any("created" in key for key in SAMPLES[0].values)


def test_a_chart_has_a_readable_axis_gaps_and_words() -> None:
    points = [(0, 3.2), (5, None), (10, 7.9)]
    chart = draw("Durations", "s", [("auth", points)], 0, 10)
    assert chart.top == "8 s"
    assert chart.lines[0].path.count("M") == 2
    assert chart.description == "Durations. auth: now 7.9 s, at most 7.9 s"
    empty = draw("Durations", "s", [("auth", [])], 0, 10)
    assert (empty.lines[0].path, empty.lines[0].last, empty.top) == ("", "–", "0 s")
    for value in (0.00012, 0.9, 1.0, 99.0, 123456.0):
        assert draw("x", "", [("a", [(1, value)])], 0, 10).lines[0].path
