"""The manifests in deploy/kubernetes are valid in both overlays, and have the services of the registry."""

import shutil
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from cathouse_deployment.roles import connection_limit
from cathouse_kit.registry import Service

from .engine import NAMES, ROOT, SERVICES, run

OVERLAYS = ("staging", "production")
Manifest = dict[str, Any]


def _render(folder: Path) -> list[Manifest]:
    if not shutil.which("kustomize"):
        pytest.fail("these tests need the program kustomize, version 5, on the PATH", pytrace=False)
    result = run("kustomize", "build", str(folder))
    assert result.returncode == 0, result.stdout
    return list(yaml.safe_load_all(result.stdout))


@pytest.fixture(scope="module", params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return _render(ROOT / "deploy/kubernetes/overlays" / request.param)


@pytest.fixture(scope="module")
def with_database(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """Return the production overlay with the component cloudnativepg."""
    return _with_component("cloudnativepg", tmp_path_factory)


@pytest.fixture(scope="module")
def pruning(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """Return the production overlay with the component prune-audit."""
    return _with_component("prune-audit", tmp_path_factory)


def _with_component(name: str, tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    folder = tmp_path_factory.mktemp("kubernetes")
    shutil.copytree(ROOT / "deploy/kubernetes", folder, dirs_exist_ok=True)
    overlay = folder / "overlays/production"
    with (overlay / "kustomization.yaml").open("a") as file:
        file.write(f"components: [../../components/{name}]\n")
    return _render(overlay)


def _find(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = (m for m in manifests if m["kind"] == kind and m["metadata"]["name"] == name)
    return found


def test_every_manifest_is_valid(manifests: list[Manifest]) -> None:
    version = kubernetes_validate.latest_version()
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)
    print(f"{len(manifests)} manifests, valid for Kubernetes {version}")


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_is_what_the_registry_says(manifests: list[Manifest], service: Service) -> None:
    pod = _find(manifests, "Deployment", service.name)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"].rpartition(":")[0].endswith(f"/cathouse-{service.name}")
    assert container["ports"] == [{"name": "http", "containerPort": service.port}]
    assert container["startupProbe"]["httpGet"]["path"] == "/health/started"
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health"
    ports = _find(manifests, "Service", service.name)["spec"]["ports"]
    assert [port["port"] for port in ports] == [service.port]
    (config,) = (m for m in manifests if m["kind"] == "ConfigMap")
    assert pod["terminationGracePeriodSeconds"] > int(config["data"]["SHUTDOWN_DELAY_SECONDS"]) + 20
    assert config["data"][service.url_variable] == f"http://{service.name}:{service.port}"
    assert config["data"]["RATE_LIMIT_STORAGE"].startswith("redis://")
    for kind in ("PodDisruptionBudget", "NetworkPolicy", "HorizontalPodAutoscaler"):
        _find(manifests, kind, service.name)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_the_network_allows_only_the_declared_calls_of_services(
    manifests: list[Manifest], service: Service
) -> None:
    policy = _find(manifests, "NetworkPolicy", service.name)["spec"]
    called = {
        to["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for rule in policy["egress"]
        for to in rule.get("to", ())
        if "podSelector" in to
    }
    assert called == set(service.calls)
    callers = {
        source["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for rule in policy["ingress"]
        for source in rule["from"]
        if "podSelector" in source
    }
    assert callers == {other.name for other in SERVICES if service.name in other.calls}


def test_the_limit_of_connections_counts_the_autoscalers_most(manifests: list[Manifest]) -> None:
    (roles,) = _find(manifests, "Job", "migrate")["spec"]["template"]["spec"]["initContainers"]
    replicas = {
        m["spec"]["maxReplicas"] for m in manifests if m["kind"] == "HorizontalPodAutoscaler"
    }
    assert roles["env"] == [{"name": "REPLICAS", "value": str(*replicas)}]


def test_the_audit_is_pruned_with_the_pruners_secret(pruning: list[Manifest]) -> None:
    version = kubernetes_validate.latest_version()
    for manifest in pruning:
        kubernetes_validate.validate(manifest, version, strict=True)
    job = _find(pruning, "CronJob", "prune-audit")["spec"]["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"].rpartition(":")[0].endswith("/cathouse-proxy")
    names = [s["secret"]["name"] for s in pod["volumes"][0]["projected"]["sources"]]
    assert names == ["cathouse-service-token", "cathouse-proxy-pruner-database"]
    proxy = _find(pruning, "Deployment", "proxy")["spec"]["template"]["spec"]
    assert "pruner" not in str(proxy)
    for container in (*pod["containers"], *proxy["containers"]):
        assert container["securityContext"]["readOnlyRootFilesystem"]


def test_every_container_is_restricted(manifests: list[Manifest]) -> None:
    pods = [m["spec"]["template"]["spec"] for m in manifests if m["kind"] in ("Deployment", "Job")]
    assert len(pods) == len(NAMES) + 1
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["runAsUser"] == 65532
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


def test_secrets_are_named_and_never_held(manifests: list[Manifest]) -> None:
    assert [m for m in manifests if m["kind"] == "Secret"] == []
    for name in NAMES:
        pod = _find(manifests, "Deployment", name)["spec"]["template"]["spec"]
        (projected,) = (v["projected"] for v in pod["volumes"] if "projected" in v)
        named = [source["secret"]["name"] for source in projected["sources"]]
        assert named == ["cathouse-service-token", f"cathouse-{name}-database"]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_updates_and_drains_leave_replicas_running(
    manifests: list[Manifest], service: Service
) -> None:
    labels = {"app.kubernetes.io/name": service.name}
    deployment = _find(manifests, "Deployment", service.name)["spec"]
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    budget = _find(manifests, "PodDisruptionBudget", service.name)["spec"]
    assert (budget["maxUnavailable"], budget["selector"]["matchLabels"]) == (1, labels)
    scaler = _find(manifests, "HorizontalPodAutoscaler", service.name)["spec"]
    assert scaler["scaleTargetRef"]["name"] == service.name
    assert "replicas" not in deployment, (
        "each kubectl apply would overwrite the autoscaler's replica count"
    )
    assert 1 <= scaler["minReplicas"] < scaler["maxReplicas"]
    spread = deployment["template"]["spec"]["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]
    assert all(each["labelSelector"]["matchLabels"] == labels for each in spread)


def test_every_pod_has_a_network_policy_for_both_ways(manifests: list[Manifest]) -> None:
    policies = [m["spec"] for m in manifests if m["kind"] == "NetworkPolicy"]
    assert all(set(policy["policyTypes"]) == {"Ingress", "Egress"} for policy in policies)
    chosen = [policy["podSelector"]["matchLabels"] for policy in policies]
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "Job"):
            labels = manifest["spec"]["template"]["metadata"]["labels"]
            assert any(each.items() <= labels.items() for each in chosen), labels


def test_migrations_are_a_job_that_first_makes_the_roles(manifests: list[Manifest]) -> None:
    (job,) = (m for m in manifests if m["kind"] == "Job")
    pod = job["spec"]["template"]["spec"]
    assert [each["command"] for each in pod["initContainers"]] == [["cathouse-deployment", "roles"]]
    assert [each["name"] for each in pod["containers"]] == ["migrate"]
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["image"].rpartition(":")[0].endswith("/cathouse-migrate")


def test_a_postgres_cluster_accepts_all_connections_of_the_services(
    with_database: list[Manifest],
) -> None:
    (cluster,) = (m["spec"] for m in with_database if m["kind"] == "Cluster")
    replicas = (
        m["spec"]["maxReplicas"] for m in with_database if m["kind"] == "HorizontalPodAutoscaler"
    )
    most = sum(connection_limit({"REPLICAS": str(count)}) or 0 for count in replicas)
    assert int(cluster["postgresql"]["parameters"]["max_connections"]) >= most + 12
    assert cluster["imageName"].endswith(":18")


def test_the_cluster_lets_in_the_services_and_the_migrations(with_database: list[Manifest]) -> None:
    policy = _find(with_database, "NetworkPolicy", "postgres")["spec"]
    assert policy["podSelector"]["matchLabels"] == {"cnpg.io/cluster": "postgres"}
    (rule,) = (r for r in policy["ingress"] if r["ports"] == [{"port": 5432}])
    let_in = [source["podSelector"]["matchLabels"] for source in rule["from"]]
    for manifest in with_database:
        if manifest["kind"] in ("Deployment", "Job"):
            labels = manifest["spec"]["template"]["metadata"]["labels"]
            assert any(each.items() <= labels.items() for each in let_in), labels
    kubernetes_validate.validate(
        _find(with_database, "NetworkPolicy", "postgres"),
        kubernetes_validate.latest_version(),
        strict=True,
    )
