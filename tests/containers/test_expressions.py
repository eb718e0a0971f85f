"""The expressions of alerts and dashboards are valid, and name metrics, routes and outcomes of the code."""

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from cathouse_kit.problems import Problem

from .engine import ROOT, run
from .test_alerts import ALERTS, EXPORTERS, RULES

DASHBOARDS = sorted((ROOT / "deploy/grafana").glob("*.json"))


def _expressions() -> Iterator[tuple[str, str]]:
    """Yield the PromQL of each alert and each panel, with a name for messages."""
    for alert in ALERTS:
        yield alert["alert"], alert["expr"]
    for path in DASHBOARDS:
        for panel in _panels(path):
            for target in panel["targets"]:
                yield f"{path.name}: {panel['title']}", target["expr"]


def _panels(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["panels"]
    return found


def test_alerts_and_dashboards_use_metrics_that_the_code_has() -> None:
    known = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/reference/metrics.md").read_text(), re.M))
    known |= {f"{name}_bucket" for name in known} | {"up"}
    for where, expression in _expressions():
        # Names without labels, strings, functions, and the labels that grouping lists.
        plain = re.sub(r"\"[^\"]*\"", " ", expression)
        plain = re.sub(r"\{[^}]*\}|\[[^]]*\]", " ", plain)
        plain = re.sub(r"\b(by|on|group_left)\s*\([^)]*\)", " ", plain)
        names = set(re.findall(r"\b([a-z][a-z_]*_[a-z_]+|up)\b(?!\s*\()", plain)) - {"group_left"}
        assert names, where
        unknown = {name for name in names - known if not name.startswith((*EXPORTERS, "process_"))}
        assert not unknown, where


def test_the_expressions_of_the_dashboards_are_valid(promtool: str, tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, (_, expression) in enumerate(_expressions())
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    result = run(promtool, "check", "rules", str(file))
    assert result.returncode == 0, result.stdout


def test_calls_fail_by_the_fault_of_the_platform_of_a_cat_or_of_the_caller() -> None:
    importlib.import_module("cathouse_proxy.main")
    (alert,) = (alert for alert in ALERTS if alert["alert"] == "CallsFailing")
    (outcomes,) = re.findall(r'outcome=~"([^"]*)"', alert["expr"])
    kinds = [
        kind
        for kind in _subclasses(Problem)
        if kind.__module__.startswith(("cathouse_kit.", "cathouse_proxy."))
    ]
    # These refuse a request before it is a call.
    others = {"too_many_connections", "too_many_large_bodies"}
    for kind in kinds:
        code = kind.code()
        platform = kind.status >= 500 and not code.startswith("cat_") and code not in others
        assert bool(re.fullmatch(outcomes, code)) == platform, code
    assert len(kinds) > 30


def _subclasses(kind: type[Problem]) -> Iterator[type[Problem]]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


def test_mediated_calls_have_the_route_that_failing_leaves_out() -> None:
    app = importlib.import_module("cathouse_proxy.routers.calls").router
    (alert,) = (alert for alert in ALERTS if alert["alert"] == "Failing")
    (left_out, _) = re.findall(r'route!~"([^"]*)"', alert["expr"])
    for route in app.routes:
        assert re.fullmatch(left_out, route.path_format), route.path_format
    for path in ("/metrics", "/health", "/health/ready", "/api/v1/health/started"):
        assert re.fullmatch(left_out, path), path
    for path in ("/api/v1/proxy/audit", "/api/v1/auth/login", "(unmatched)"):
        assert not re.fullmatch(left_out, path), path


def test_the_operator_for_prometheus_gets_the_same_rules() -> None:
    path = ROOT / "deploy/kubernetes/components/monitoring/rules.yaml"
    rule = yaml.safe_load(path.read_text())
    assert rule["kind"] == "PrometheusRule"
    assert rule["spec"] == yaml.safe_load(RULES.read_text())
