"""The manifests in deploy/kubernetes are valid in both overlays, and have the services of the registry."""

import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from cathouse_deployment.roles import connection_limit
from cathouse_kit.registry import Service

from .engine import NAMES, ROOT, SERVICES, run

OVERLAYS = ("staging", "production")
COMPONENTS = sorted(
    (path.name for path in (ROOT / "deploy/kubernetes/components").iterdir()),
    # This one changes the Pods of those before it.
    key=lambda name: (name == "image-pull-secret", name),
)
OLDEST = "1.27"
"""The oldest Kubernetes that supports every field: matchLabelKeys of topology spread constraints is on since then."""
OF_OPERATORS = ("gateway.networking.k8s.io", "monitoring.coreos.com", "postgresql.cnpg.io")
Manifest = dict[str, Any]


def render(folder: Path) -> list[Manifest]:
    if not shutil.which("kustomize"):
        pytest.fail("these tests need the program kustomize, version 5, on the PATH", pytrace=False)
    result = run("kustomize", "build", str(folder))
    assert result.returncode == 0, result.stdout
    return list(yaml.safe_load_all(result.stdout))


@pytest.fixture(scope="module", params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return render(ROOT / "deploy/kubernetes/overlays" / request.param)


@pytest.fixture(scope="module")
def with_database(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """Return the production overlay with the component cloudnativepg."""
    return _with_component("cloudnativepg", tmp_path_factory)


@pytest.fixture(scope="module")
def pruning(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """Return the production overlay with the component prune-audit."""
    return _with_component("prune-audit", tmp_path_factory)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """Return the production overlay with all components."""
    return _with_component("", tmp_path_factory, *COMPONENTS)


def _with_component(
    name: str, tmp_path_factory: pytest.TempPathFactory, *more: str
) -> list[Manifest]:
    folder = tmp_path_factory.mktemp("kubernetes")
    shutil.copytree(ROOT / "deploy/kubernetes", folder, dirs_exist_ok=True)
    overlay = folder / "overlays/production"
    add_components(overlay, *filter(None, (name, *more)))
    return render(overlay)


def add_components(overlay: Path, *names: str) -> None:
    kustomization = overlay / "kustomization.yaml"
    text = yaml.safe_load(kustomization.read_text())
    text["components"] = [f"../../components/{name}" for name in names] + text["components"]
    kustomization.write_text(yaml.safe_dump(text, sort_keys=False))


def pod_templates(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Return the specification of the Pods of each Deployment, Job and CronJob, by name."""
    pods = {}
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "Job"):
            pods[manifest["metadata"]["name"]] = manifest["spec"]["template"]
        if manifest["kind"] == "CronJob":
            pods[manifest["metadata"]["name"]] = manifest["spec"]["jobTemplate"]["spec"]["template"]
    return pods


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
        for rule in policy.get("egress", ())
        for to in rule.get("to", ())
        if "podSelector" in to
    }
    assert called == set(service.calls)
    callers = {
        source["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for rule in policy.get("ingress", ())
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


def test_all_components_fit_together_and_are_valid_for_the_oldest_kubernetes(
    everything: list[Manifest],
) -> None:
    named = [(m["kind"], m["metadata"]["name"]) for m in everything]
    assert len(set(named)) == len(named)
    for manifest in everything:
        assert manifest["kind"] == "Namespace" or manifest["metadata"]["namespace"] == "cathouse"
        if not manifest["apiVersion"].startswith(OF_OPERATORS):
            for version in (OLDEST, kubernetes_validate.latest_version()):
                kubernetes_validate.validate(manifest, version, strict=True)
    page = (ROOT / "docs/how-to/deploy-to-kubernetes.md").read_text()
    assert f"Kubernetes {OLDEST}" in page
    for name in COMPONENTS:
        assert f"`{name}`" in page, name


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_required_spread_ignores_old_replicas_and_nodes_that_take_none(
    manifests: list[Manifest], service: Service
) -> None:
    pod = _find(manifests, "Deployment", service.name)["spec"]["template"]["spec"]
    for each in pod["topologySpreadConstraints"]:
        assert each["nodeTaintsPolicy"] == "Honor"
        assert each["matchLabelKeys"] == ["pod-template-hash"]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_replicas_are_added_at_a_share_of_the_core_that_one_can_use(
    manifests: list[Manifest], service: Service
) -> None:
    (metric,) = _find(manifests, "HorizontalPodAutoscaler", service.name)["spec"]["metrics"]
    assert metric["resource"]["target"] == {"type": "AverageValue", "averageValue": "600m"}
    (container,) = _find(manifests, "Deployment", service.name)["spec"]["template"]["spec"][
        "containers"
    ]
    requests = container["resources"]["requests"]
    # 107 MiB, and two argon2 hashes of 64 MiB in auth (docs/explanation/performance.md).
    needed = 107 + 2 * 64 if service.name == "auth" else 107
    assert needed < int(requests["memory"].removesuffix("Mi")) < 2.5 * needed
    assert requests["cpu"] == "250m"


def _selects(selector: Manifest, labels: dict[str, str]) -> bool:
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def test_all_pods_of_the_components_have_openings_beside_the_default_deny(
    everything: list[Manifest],
) -> None:
    policies = [m["spec"] for m in everything if m["kind"] == "NetworkPolicy"]
    assert all(set(policy["policyTypes"]) == {"Ingress", "Egress"} for policy in policies)
    assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} in policies
    for name, pod in pod_templates(everything).items():
        labels = pod["metadata"]["labels"]
        chosen = [each for each in policies if _selects(each["podSelector"], labels)]
        assert len(chosen) > 1, name
        reached = {
            port["port"]
            for policy in chosen
            for rule in policy.get("egress", ())
            for port in rule.get("ports", ())
        }
        # Valkey calls nobody. Everything else needs names and PostgreSQL.
        assert {53, 5432} <= reached or name == "valkey", name


def test_stores_and_the_collector_are_open_to_labelled_pods_alone(
    everything: list[Manifest],
) -> None:
    pods = pod_templates(everything)
    ports = {"to-dns": [53, 53], "to-postgres": [5432], "to-valkey": [6379], "to-collector": [4318]}
    policies = {
        m["metadata"]["name"]: m["spec"] for m in everything if m["kind"] == "NetworkPolicy"
    }
    for name, wanted in ports.items():
        (rule,) = policies[name]["egress"]
        assert [port["port"] for port in rule["ports"]] == wanted
        assert rule["to"], "an empty list would allow every address"
        assert all("podSelector" in to for to in rule["to"])
    # The cats' rule has no port, and the operator needs the API server. All other ways end at Pods.
    for name, policy in policies.items():
        for rule in policy.get("egress", ()):
            open_to_all = not rule.get("to") or any("ipBlock" in to for to in rule["to"])
            assert not open_to_all or name in ("proxy", "postgres"), name
    assert pods["valkey"]["metadata"]["labels"]["cathouse.example/provides"] == "valkey"
    cluster = next(m for m in everything if m["kind"] == "Cluster")
    inherited = cluster["spec"]["inheritedMetadata"]["labels"]
    assert inherited == {"cathouse.example/provides": "postgres"}


def test_only_services_the_gateway_and_prometheus_reach_services(
    everything: list[Manifest],
) -> None:
    services = {service.name for service in SERVICES}
    for manifest in everything:
        if manifest["kind"] != "NetworkPolicy" or manifest["metadata"]["name"] in services:
            continue
        for rule in manifest["spec"].get("ingress", ()):
            for source in rule["from"]:
                # A label of a namespace alone would let all its Pods in.
                assert "podSelector" in source or manifest["metadata"]["name"] == "postgres"


def test_the_gateway_passes_on_the_services_routes_and_no_others(
    everything: list[Manifest],
) -> None:
    routes = {m["metadata"]["name"]: m["spec"] for m in everything if m["kind"] == "HTTPRoute"}
    redirect = routes.pop("to-https")
    assert redirect["parentRefs"] == [{"name": "cathouse", "sectionName": "http"}]
    assert all("backendRefs" not in rule for rule in redirect["rules"])
    assert set(routes) == {service.name for service in SERVICES}
    for service in SERVICES:
        rules = {}
        for rule in routes[service.name]["rules"]:
            (match,) = rule["matches"]
            assert match["path"]["type"] == "PathPrefix"
            assert rule["backendRefs"] == [{"name": service.name, "port": service.port}]
            rules[match["path"]["value"]] = rule
        assert set(rules) == {service.prefix, f"{service.prefix}/internal"}
        (refusal,) = rules[f"{service.prefix}/internal"]["filters"]
        assert refusal["urlRewrite"]["path"]["replaceFullPath"] == "/not-found"
        assert "filters" not in rules[service.prefix]


def test_prometheus_finds_each_service_under_its_name(everything: list[Manifest]) -> None:
    monitor = _find(everything, "PodMonitor", "cathouse")["spec"]
    pods = pod_templates(everything)
    found = {
        pod["metadata"]["labels"][monitor["jobLabel"]]
        for pod in pods.values()
        if _selects(monitor["selector"], pod["metadata"]["labels"])
    }
    assert found == {service.name for service in SERVICES}
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert (endpoint["port"], endpoint["path"]) == ("http", "/metrics")


def test_every_container_of_the_components_is_restricted(everything: list[Manifest]) -> None:
    pods = pod_templates(everything)
    assert {"valkey", "backup", "prune-audit"} < set(pods)
    for pod in pods.values():
        assert pod["spec"]["securityContext"]["runAsUser"] == 65532
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["imagePullSecrets"] == [{"name": "cathouse-registry"}]
        for container in pod["spec"]["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


def test_production_runs_images_by_digest_when_the_digests_are_written(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy/kubernetes", tmp_path, dirs_exist_ok=True)
    overlay = tmp_path / "overlays/production"
    add_components(overlay, "valkey", "backup")
    digest = "sha256:" + "1" * 64
    own = [f"cathouse-{name}" for name in (*NAMES, "migrate")]
    images = [{"name": name, "newName": f"r.test/{name}", "digest": digest} for name in own]
    images += [{"name": name, "digest": digest} for name in ("valkey/valkey", "postgres")]
    digests = overlay / "digests/kustomization.yaml"
    written = yaml.safe_load(digests.read_text()) | {"images": images}
    digests.write_text(yaml.safe_dump(written))
    pods = pod_templates(render(overlay))
    for pod in pods.values():
        for container in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())):
            assert container["image"].endswith(f"@{digest}"), container["image"]


def test_the_namespace_is_restricted_and_policies_come_before_the_first_job(
    manifests: list[Manifest],
) -> None:
    (namespace,) = (m for m in manifests if m["kind"] == "Namespace")
    enforced = namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert enforced == "restricted"
    steps: dict[str, set[str]] = {}
    for manifest in manifests:
        if step := manifest["metadata"].get("labels", {}).get("cathouse.example/step"):
            steps.setdefault(step, set()).add(manifest["metadata"]["name"])
    # A Pod that starts before its policy could reach everything, and this one has the superuser's URL.
    policies = {"to-dns", "to-postgres", "to-valkey", "to-collector"}
    assert steps == {"policies": policies, "migrate": {"migrate"}}
    page = (ROOT / "docs/how-to/deploy-to-kubernetes.md").read_text()
    before, _, after = page.partition("cathouse.example/step=policies")
    assert before.index("kubectl apply -f namespace.yaml") < before.index("create secret")
    assert after.index("cathouse.example/step=migrate") < after.index("kubectl apply -f -")


def test_a_dump_is_named_when_it_is_complete_and_of_the_platforms_database(
    everything: list[Manifest], tmp_path: Path
) -> None:
    (container,) = pod_templates(everything)["backup"]["spec"]["containers"]
    (script,) = container["args"]
    folder, programs = tmp_path / "backups", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    (tmp_path / "url").write_text("postgresql://postgres:a%2Fb@db:5432/postgres?sslmode=require\n")
    dump = programs / "pg_dump"
    dump.write_text('#!/bin/sh\necho "$1" >>log\necho dump >"${3#--file=}"\n')
    restore = programs / "pg_restore"
    restore.write_text('#!/bin/sh\nexit "$(cat status)"\n')
    for program in (dump, restore):
        program.chmod(0o755)
    script = script.replace("/backups", str(folder))
    script = script.replace("/run/secrets/postgres/superuser_url", str(tmp_path / "url"))
    old = folder / "cathouse-2020-01-01T000000Z.dump"
    old.touch()
    os.utime(old, (0, 0))
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "KEEP_DAYS": "14"}

    def back_up(status: int) -> int:
        (tmp_path / "status").write_text(str(status))
        command = [*container["command"], script]
        return subprocess.run(command, cwd=tmp_path, env=environment, check=False).returncode

    assert back_up(1) != 0
    assert old.exists(), "a failed backup deletes nothing"
    assert {path.suffix for path in folder.iterdir()} == {".partial", ".dump"}
    for path in folder.glob("*.partial"):
        path.unlink()
    assert back_up(0) == 0
    (kept,) = folder.iterdir()
    assert kept != old
    assert kept.suffix == ".dump"
    assert kept.stat().st_mode & 0o077 == 0
    assert (
        "postgresql://postgres:a%2Fb@db:5432/cathouse?sslmode=require"
        in (tmp_path / "log").read_text()
    )


@pytest.mark.parametrize("name", ["deploy-to-kubernetes", "deploy-with-argo-cd"])
def test_the_patches_of_the_pages_change_the_overlay(name: str, tmp_path: Path) -> None:
    page = (ROOT / f"docs/how-to/{name}.md").read_text()
    blocks = re.findall(r"^( *)```yaml\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    written = [yaml.safe_load(textwrap.dedent(text)) for _, text in blocks]
    patches = [patch for block in written for patch in block.get("patches", ())]
    assert patches
    shutil.copytree(ROOT / "deploy/kubernetes", tmp_path, dirs_exist_ok=True)
    overlay = tmp_path / "overlays/production"
    add_components(overlay, *COMPONENTS)
    before = render(overlay)
    kustomization = overlay / "kustomization.yaml"
    for patch in patches:
        text = yaml.safe_load(kustomization.read_text())
        text["patches"].append(patch)
        kustomization.write_text(yaml.safe_dump(text, sort_keys=False))
        after = render(overlay)
        assert after != before, patch
        before = after
    for manifest in after:
        if not manifest["apiVersion"].startswith(OF_OPERATORS):
            kubernetes_validate.validate(
                manifest, kubernetes_validate.latest_version(), strict=True
            )
