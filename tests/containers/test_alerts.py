"""The alerts in deploy/prometheus/rules.yaml are valid, raised at the right time, and use metrics that exist."""

import re
import shutil

import pytest
import yaml

from .engine import NAMES, ROOT, Stack, run

RULES = ROOT / "deploy/prometheus/rules.yaml"
TESTS = ROOT / "tests/containers/prometheus_rules.yaml"
ALERTS = [
    alert for group in yaml.safe_load(RULES.read_text())["groups"] for alert in group["rules"]
]


@pytest.fixture
def promtool() -> str:
    if not (found := shutil.which("promtool")):
        pytest.fail("these tests need promtool on the PATH: Debian's package prometheus has it")
    return found


def test_the_rules_are_well_formed(promtool: str) -> None:
    result = run(promtool, "check", "rules", str(RULES))
    assert result.returncode == 0, result.stdout


def test_alerts_are_raised_when_they_should_be_and_not_before(promtool: str) -> None:
    result = run(promtool, "test", "rules", str(TESTS))
    assert result.returncode == 0, result.stdout


def test_every_alert_is_tested() -> None:
    tested = {
        case["alertname"]
        for test in yaml.safe_load(TESTS.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert tested == {alert["alert"] for alert in ALERTS}


def test_they_are_tested_with_metrics_that_each_service_has(stack: Stack) -> None:
    tests = yaml.safe_load(TESTS.read_text())["tests"]
    used = {each["series"].partition("{")[0] for test in tests for each in test["input_series"]}
    for name in NAMES:
        found = set(
            re.findall(r"^([a-z_]+)[{ ]", stack.probes(name, "/metrics")[0][1], re.MULTILINE)
        )
        assert used - found == {"up"}, name  # Prometheus adds these labels
