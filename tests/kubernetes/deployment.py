"""A copy of deploy/kubernetes that the tests change and apply, as docs/how-to/deploy-to-kubernetes.md describes."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import yaml
from cathouse_kit.registry import load_registry
from cathouse_kit.testing import wait_until

from .cluster import Cluster, CommandFailed, Object

ROOT = Path(__file__).parents[2]
NAMES = tuple(service.name for service in load_registry(ROOT / "services.toml"))
COMPONENTS = sorted(
    (path.name for path in (ROOT / "deploy/kubernetes/components").iterdir()),
    # This one changes the Pods of those before it.
    key=lambda name: (name == "image-pull-secret", name),
)
NAMESPACES = {"production": "cathouse", "staging": "cathouse-staging"}
# Longer than anything takes on a busy machine.
PATIENCE = 180
PAGE = "docs/how-to/deploy-to-kubernetes.md"


def documented(section: str) -> str:
    """Return the commands of a section of the page, without its subsections, as a script."""
    text = (ROOT / PAGE).read_text()
    match = re.search(
        rf"^##+ {re.escape(section)}\n(.*?)(?=^##|\Z)", text, re.DOTALL | re.MULTILINE
    )
    assert match, f"{PAGE} has no section {section}"
    blocks = re.findall(r"^```console\n(.*?)^```", match[1], re.DOTALL | re.MULTILINE)
    assert blocks, f"{PAGE} has no commands in {section}"
    return "".join(re.sub(r"^\$ ", "", block, flags=re.MULTILINE) for block in blocks)


class Deployment:
    """An overlay in a copy of the repository, and its namespace in the cluster."""

    def __init__(self, cluster: Cluster, overlay: str, folder: Path) -> None:
        self.cluster, self.overlay, self.folder = cluster, overlay, folder
        self.namespace = NAMESPACES[overlay]
        shutil.copytree(ROOT / "deploy/kubernetes", folder / "deploy/kubernetes")
        (folder / "services.toml").symlink_to(ROOT / "services.toml")
        (folder / ".venv").symlink_to(ROOT / ".venv")
        self._kustomization = folder / "deploy/kubernetes/overlays" / overlay / "kustomization.yaml"
        self._original = self._kustomization.read_text()

    def type(self, section: str, patience: int = PATIENCE) -> None:
        """Type the commands of a section, in the root of the copy. Raises `CommandFailed`.

        Commands that wait do so for `patience` seconds, not for the documented time.
        """
        script = documented(section).replace("overlays/production", f"overlays/{self.overlay}")
        script = re.sub(r"-n cathouse\b", f"-n {self.namespace}", script)
        script = re.sub(r"--timeout=\w+", f"--timeout={patience}s", script)
        result = self.cluster.run("bash", "-euo", "pipefail", "-c", script, cwd=self.folder)
        if result.returncode:
            raise CommandFailed(f"{section}: {script}\n{result.stdout}")

    def create_namespace_and_secrets(self) -> None:
        """Follow the page up to its section on the overlay."""
        self.type("Create the namespace")
        url = self.folder / "secrets/postgres/superuser_url"
        url.parent.mkdir(parents=True, exist_ok=True)
        url.write_text("postgresql://postgres:password@postgres-rw:5432/postgres\n")
        self.type("Create the secrets")

    def configure(
        self, *components: str, tag: str = "0.1.0", broken: dict[str, str] | None = None
    ) -> None:
        """Write components and tags into the overlay, from what the repository has. `broken` has tags of services."""
        overlay = yaml.safe_load(self._original)
        before = [f"../../components/{name}" for name in components]
        overlay["components"] = before + overlay.get("components", [])
        for image in overlay["images"]:
            service = image["name"].removeprefix("cathouse-")
            image["newTag"] = (broken or {}).get(service, tag)
        self._kustomization.write_text(yaml.safe_dump(overlay, sort_keys=False))

    def render(self) -> str:
        """Return the manifests of the overlay, as YAML."""
        return self.cluster.run("kustomize", "build", self._kustomization.parent).stdout

    def apply(self) -> None:
        """Apply the overlay. Unknown fields, old versions of kinds and other warnings are errors."""
        words = ("apply", "--warnings-as-errors", "--validate=strict", "--filename=-")
        self.cluster.kubectl(*words, given=self.render())

    def apply_release(self) -> None:
        """Apply the overlay of another version. The Job `migrate` cannot be changed, only replaced."""
        self.delete_migrate()
        self.apply()

    def delete_migrate(self) -> None:
        words = ("delete", "job", "migrate", "--ignore-not-found")
        self.cluster.kubectl(*words, f"--namespace={self.namespace}")

    def applied_objects(self) -> dict[str, str]:
        """Return the version of each object of the overlay. Any change gives an object a new one."""
        result = self.cluster.kubectl("get", "--filename=-", "--output=json", given=self.render())
        found = yaml.safe_load(result)["items"]
        return {
            f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["resourceVersion"]
            for each in found
        }

    def get(self, kind: str, **selectors: str) -> list[Object]:
        return self.cluster.get(kind, self.namespace, **selectors)

    def replicas(self, service: str) -> int:
        """Return the replica count that the Deployment has now."""
        found = self.get("deployments", fieldSelector=f"metadata.name={service}")
        count: int = found[0]["spec"]["replicas"]
        return count

    def wait_until_settled(self) -> None:
        """Wait until each Deployment has its replicas, each Job has ended, and nothing of another version is left."""
        wait_until(f"the replicas of {self.namespace}", self.is_settled, PATIENCE)

    def is_settled(self) -> bool:
        return self.has_all_replicas() and all(
            job["status"].get("succeeded") for job in self.get("jobs")
        )

    def has_all_replicas(self) -> bool:
        """Return whether each Deployment has its replicas, at least those of its autoscaler, and no other Pods."""
        scalers = self.get("horizontalpodautoscalers")
        least = {s["spec"]["scaleTargetRef"]["name"]: s["spec"]["minReplicas"] for s in scalers}
        deployments = self.get("deployments")
        return len(self.running_pods()) == sum(d["spec"]["replicas"] for d in deployments) and all(
            _is_complete(d, least.get(d["metadata"]["name"], 1)) for d in deployments
        )

    def running_pods(self, **selectors: str) -> list[Object]:
        """Return the Pods of Deployments, without those that are to end."""
        return [
            pod
            for pod in self.get("pods", **selectors)
            if "deletionTimestamp" not in pod["metadata"]
            and pod["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"
        ]

    def spread(self, service: str) -> list[int]:
        """Return the number of the service's Pods on each node that has one, the most first."""
        pods = self.running_pods(labelSelector=f"app.kubernetes.io/name={service}")
        nodes = [pod["spec"].get("nodeName") for pod in pods]
        return sorted((nodes.count(node) for node in set(nodes)), reverse=True)

    def replica_sets(self, service: str) -> dict[str, Object]:
        """Return the ReplicaSets of a service by the tag of their image. Two of one tag fail the test."""
        found = self.get("replicasets", labelSelector=f"app.kubernetes.io/name={service}")
        by_tag = {
            each["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]: each
            for each in found
        }
        assert len(by_tag) == len(found), f"{service} has two ReplicaSets of one tag"
        return by_tag

    def report_load(self, cpu: str) -> None:
        """Write what metrics-server would report if each Pod of a service used this much CPU."""
        pods = self.running_pods(labelSelector="app.kubernetes.io/component=service")
        running = {pod["metadata"]["name"] for pod in pods}
        reported = self.cluster.request("GET", self._metrics)["items"]
        for name in {each["metadata"]["name"] for each in reported} - running:
            self.cluster.request("DELETE", f"{self._metrics}/{name}")
        for pod in pods:
            name, labels = pod["metadata"]["name"], pod["metadata"]["labels"]
            container = pod["spec"]["containers"][0]["name"]
            metrics = {
                "apiVersion": "metrics.k8s.io/v1beta1",
                "kind": "PodMetrics",
                "metadata": {"name": name, "labels": labels},
                "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
                "window": "15s",
                "containers": [{"name": container, "usage": {"cpu": cpu, "memory": "100Mi"}}],
            }
            self.cluster.request(
                "PATCH",
                f"{self._metrics}/{name}?fieldManager=tests",
                metrics,
                content_type="application/apply-patch+yaml",
            )

    def delete_load(self) -> None:
        self.cluster.request("DELETE", self._metrics)

    @property
    def _metrics(self) -> str:
        return f"/apis/metrics.k8s.io/v1beta1/namespaces/{self.namespace}/pods"


def _is_complete(deployment: Object, least: int) -> bool:
    status, wanted = deployment["status"], deployment["spec"]["replicas"]
    counts = [status.get(f"{kind}eplicas", 0) for kind in ("r", "updatedR", "readyR", "availableR")]
    current = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return bool(current and wanted >= least and counts == [wanted] * 4)
