"""The component gateway passes on every route for clients, and refuses routes between services, probes and metrics.

The rules are evaluated here as the Gateway API defines them. No controller runs in this test.
"""

import re

import pytest
import yaml
from cathouse_kit.health import PROBES

from .engine import ROOT, SERVICES

_ROW = re.compile(r"^\| ([A-Z]+) \| `(/[^`]*)` \| ([^|]*) \|", re.MULTILINE)
ROUTES = {
    (path.replace("{", "").replace("}", ""), callers.strip())
    for _, path, callers in _ROW.findall((ROOT / "docs/reference/routes.md").read_text())
}


@pytest.fixture(scope="module")
def rules() -> dict[str, tuple[str, str | None]]:
    """Return the service and the replaced path of each rule, by its prefix."""
    found = {}
    text = (ROOT / "deploy/kubernetes/components/gateway/routes.yaml").read_text()
    for route in yaml.safe_load_all(text):
        for rule in route["spec"]["rules"]:
            (match,), (backend,) = rule["matches"], rule["backendRefs"]
            assert match["path"]["type"] == "PathPrefix"
            filters = rule.get("filters", ())
            replaced = [f["urlRewrite"]["path"]["replaceFullPath"] for f in filters]
            found[match["path"]["value"]] = (backend["name"], *replaced, None)[:2]
    return found


def received(rules: dict[str, tuple[str, str | None]], path: str) -> tuple[str, str] | None:
    """Return the service and the path that it receives. None means 404 from the gateway."""
    prefixes = [prefix for prefix in rules if path == prefix or path.startswith(f"{prefix}/")]
    if not prefixes:
        return None
    service, replaced = rules[max(prefixes, key=len)]
    return service, replaced or path


@pytest.mark.parametrize(("path", "callers"), sorted(ROUTES))
def test_a_route_is_passed_on_unless_it_is_for_services(
    path: str, callers: str, rules: dict[str, tuple[str, str | None]]
) -> None:
    (owner,) = (each for each in SERVICES if f"{path}/".startswith(f"{each.prefix}/"))
    expected = "/not-found" if callers == "services" else path
    assert received(rules, path) == (owner.name, expected)


def test_there_are_routes_of_both_kinds_and_none_where_refused_requests_go() -> None:
    assert {callers for _, callers in ROUTES} > {"services", "anyone"}
    assert len(ROUTES) > 30
    assert "/not-found" not in {path for path, _ in ROUTES} | PROBES


@pytest.mark.parametrize("path", [*sorted(PROBES), "/", "/docs", "/api/v1/openapi.json", "/api"])
def test_probes_metrics_and_pages_are_refused(
    path: str, rules: dict[str, tuple[str, str | None]]
) -> None:
    assert received(rules, path) is None


def test_a_path_of_a_cat_may_be_called_internal(
    rules: dict[str, tuple[str, str | None]],
) -> None:
    path = "/api/v1/proxy/2f6b1c1e-52a5-4c8c-9d7d-0f5f3d1d8a55/internal/metrics"
    assert received(rules, path) == ("proxy", path)
