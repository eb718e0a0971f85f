"""The alerts in deploy/prometheus/rules.yaml are valid, raised at the right time, and use metrics that exist."""

import re

import pytest
import yaml

from .engine import NAMES, ROOT, Stack, run

RULES = ROOT / "deploy/prometheus/rules.yaml"
TESTS = ROOT / "tests/containers/prometheus_rules.yaml"
ALERTS = [
    alert for group in yaml.safe_load(RULES.read_text())["groups"] for alert in group["rules"]
]
EXPORTERS = ("node_", "kubelet_", "kube_", "cathouse_last_success_")
"""Prefixes of metrics that services do not have. docs/how-to/set-up-monitoring.md names their sources."""


def test_the_rules_are_well_formed(promtool: str) -> None:
    result = run(promtool, "check", "rules", str(RULES))
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("deployment", ["compose", "swarm"])
def test_the_scrape_configurations_are_well_formed(promtool: str, deployment: str) -> None:
    result = run(promtool, "check", "config", str(RULES.with_name(f"{deployment}.yaml")))
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
    used = {metric for metric in used if not metric.startswith(EXPORTERS)}
    for name in NAMES:
        # The counter of problems has no sample before the first problem.
        assert stack.probes(name, "/api/v1/nothing")[0][0] == 404
        metrics = stack.probes(name, "/metrics")[0][1]
        found = set(re.findall(r"^([a-z_]+)[{ ]", metrics, re.MULTILINE))
        of_others = {metric for metric in used if metric.startswith("proxy_") and name != "proxy"}
        assert used - found == {"up"} | of_others, name  # Prometheus adds these labels
