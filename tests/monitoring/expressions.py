"""The expressions of all alerts and panels, in forms that return data while all is well."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rules.yaml"
DASHBOARDS = sorted((ROOT / "deploy/grafana").glob("*.json"))

# A metric with its labels. Lists of labels after `by` and `on`, and names of functions, are none.
# Between quotes, everything is the value of a label.
_SELECTOR = re.compile(
    r"\b(?:by|on)\s*\([^)]*\)|\bgroup_left\b|"
    r'(\b(?:up|[a-z][a-z0-9]*_\w+)\b(?!\s*\()(?:\{(?:[^"}]|"[^"]*")*\})?)'
)
_COMPARISON = re.compile(r" (==|!=|>=|<=|>|<) ")
_FAILURES = re.compile(r'status=~?"(5\.\.|429)"|problem="|outcome=~"')
# The values of the dashboards' variables when all is selected, and the step of a short range of time.
_VARIABLES = {"$namespace": ".*", "$__rate_interval": "1m"}


@dataclass(frozen=True)
class Expression:
    """An expression in PromQL, with the place where it is used."""

    where: str
    text: str

    @property
    def unfiltered(self) -> str:
        """The expression with `bool` after each comparison.

        A comparison drops the series for which it is false, so that an alert is empty while all is well.
        With `bool`, it keeps every series, with the value 0 or 1. The result is empty only if the metrics are.
        """
        return _COMPARISON.sub(r" \1 bool ", self.text)

    @property
    def selectors(self) -> list[str]:
        """The metrics of the expression with their labels. Both sides of each `or` and of each division are there."""
        found = (match[1] for match in _SELECTOR.finditer(self.text))
        return list(dict.fromkeys(filter(None, found)))


def selects_failures(text: str) -> bool:
    """Return whether it reads counters of failures, which have no series before the first failure."""
    return bool(_FAILURES.search(text))


def expressions() -> Iterator[Expression]:
    """Yield the expression of each alert and of each target of a panel."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield Expression(rule["alert"], rule["expr"])
    for path in DASHBOARDS:
        dashboard = json.loads(path.read_text())
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                where = f"{path.stem}: {panel['title']} {target['refId']}"
                yield Expression(where, _with_variables(target["expr"], dashboard))


def _with_variables(text: str, dashboard: dict[str, Any]) -> str:
    values = dict(_VARIABLES)
    for variable in dashboard["templating"]["list"]:
        if "allValue" in variable:
            values[f"${variable['name']}"] = variable["allValue"]
    for name, value in values.items():
        text = text.replace(name, value)
    assert "$" not in text, text
    return text
