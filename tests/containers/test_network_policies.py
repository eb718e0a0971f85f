"""The network policies of all components together allow the connections of this list, and no others.

The policies are evaluated here by the rules of Kubernetes. No network enforces them in this test.
"""

import shutil
from dataclasses import dataclass
from typing import Any

import pytest
from cathouse_kit.registry import Service

from .engine import ROOT, SERVICES
from .test_kubernetes_manifests import COMPONENTS, add_components, pod_templates, render

Yaml = dict[str, Any]
PORTS = {53, 4318, 5432, 6379, 8000} | {service.port for service in SERVICES}
PART = {"app.kubernetes.io/part-of": "cathouse"}


@dataclass(frozen=True)
class Pod:
    labels: dict[str, str]
    namespace: str = "cathouse"
    namespace_labels: tuple[str, ...] = ()
    http: int = 0
    """The number of its port with the name http."""


def _matches(selector: Yaml, labels: dict[str, str]) -> bool:
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def _is_peer(peer: Yaml, pod: Pod) -> bool:
    if "ipBlock" in peer:
        return False  # no Pod has a public address
    if "namespaceSelector" in peer:
        known = {"kubernetes.io/metadata.name": pod.namespace}
        known |= dict.fromkeys(pod.namespace_labels, "true")
        if not _matches(peer["namespaceSelector"], known):
            return False
    elif pod.namespace != "cathouse":
        return False
    return _matches(peer.get("podSelector", {}), pod.labels)


def _allows(rule: Yaml, peers: str, other: Pod, target: Pod, port: int) -> bool:
    ports = {target.http if p["port"] == "http" else p["port"] for p in rule.get("ports", ())}
    if ports and port not in ports:
        return False
    return not rule.get(peers) or any(_is_peer(peer, other) for peer in rule[peers])


def _is_open(policies: list[Yaml], source: Pod, target: Pod, port: int) -> bool:
    """Return whether the policies of both Pods allow a connection."""
    for pod, other, direction, peers in (
        (source, target, "egress", "to"),
        (target, source, "ingress", "from"),
    ):
        chosen = [p for p in policies if _matches(p["podSelector"], pod.labels)]
        if pod.namespace != "cathouse" or not chosen:
            continue
        rules = [rule for policy in chosen for rule in policy.get(direction, ())]
        if not any(_allows(rule, peers, other, target, port) for rule in rules):
            return False
    return True


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> list[Yaml]:
    folder = tmp_path_factory.mktemp("kubernetes")
    shutil.copytree(ROOT / "deploy/kubernetes", folder, dirs_exist_ok=True)
    add_components(folder / "overlays/production", *COMPONENTS)
    return render(folder / "overlays/production")


@pytest.fixture(scope="module")
def pods(everything: list[Yaml]) -> dict[str, Pod]:
    by_name: dict[str, Service] = {service.name: service for service in SERVICES}
    found = {
        name: Pod(pod["metadata"]["labels"], http=by_name[name].port if name in by_name else 0)
        for name, pod in pod_templates(everything).items()
    }
    of_gateway = {"gateway.networking.k8s.io/gateway-name": "cathouse"}
    prometheus = {"app.kubernetes.io/name": "prometheus"}
    (cluster,) = (m for m in everything if m["kind"] == "Cluster")
    inherited = cluster["spec"]["inheritedMetadata"]["labels"]
    return found | {
        "postgresql": Pod({"cnpg.io/cluster": "postgres"} | inherited),
        "operator": Pod({}, "cnpg-system"),
        "collector": Pod({"cathouse.example/provides": "collector"}),
        "dns": Pod({"k8s-app": "kube-dns"}, "kube-system"),
        "gateway": Pod(of_gateway, "gateways", ("cathouse.example/gateway",)),
        "prometheus": Pod(prometheus, "monitoring", ("cathouse.example/monitoring",)),
        "another Pod": Pod({"app.kubernetes.io/name": "another"}),
        "another Pod beside the gateway": Pod({}, "gateways", ("cathouse.example/gateway",)),
        "another Pod beside Prometheus": Pod({}, "monitoring", ("cathouse.example/monitoring",)),
        "a gateway elsewhere": Pod(of_gateway, "elsewhere"),
        "a Prometheus elsewhere": Pod(prometheus, "elsewhere"),
        "a store elsewhere": Pod({"cathouse.example/provides": "postgres"}, "elsewhere"),
    }


def test_these_connections_are_open_and_no_others(
    everything: list[Yaml], pods: dict[str, Pod]
) -> None:
    policies = [m["spec"] for m in everything if m["kind"] == "NetworkPolicy"]
    # The collector is a Pod of the operator's, who lets the services in.
    collector = {"matchLabels": pods["collector"].labels}
    policies.append(
        {"podSelector": collector, "ingress": [{"from": [{"podSelector": {"matchLabels": PART}}]}]}
    )
    expected = {(name, "postgresql", 5432) for name, pod in pods.items() if _is_part(pod)}
    expected |= {(name, "dns", 53) for name, pod in pods.items() if _is_part(pod)}
    for service in SERVICES:
        expected |= {
            (service.name, "valkey", 6379),
            (service.name, "collector", 4318),
            ("gateway", service.name, service.port),
            ("prometheus", service.name, service.port),
        }
        expected |= {
            (service.name, other.name, other.port)
            for other in SERVICES
            if other.name in service.calls
        }
    expected |= {("operator", "postgresql", port) for port in (5432, 8000)}
    expected |= {("postgresql", "postgresql", port) for port in (5432, 8000)}
    expected.add(("postgresql", "dns", 53))
    found = {
        (source, target, port)
        for source in pods
        for target in pods
        for port in PORTS
        if "cathouse" in (pods[source].namespace, pods[target].namespace)
        and _is_open(policies, pods[source], pods[target], port)
    }
    assert found == expected


def _is_part(pod: Pod) -> bool:
    return bool(PART.items() <= pod.labels.items())
