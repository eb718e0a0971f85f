"""Nodes on paper. A loop reports for their kubelets what these would report of Pods, and runs none of the Pods."""

import threading
import time
from datetime import UTC, datetime
from itertools import count

import httpx

from .cluster import Cluster, CommandFailed, Object

STARTS_IN = 1.0
"""Seconds from the start of a Pod until it is ready."""
CAPACITY = {"cpu": "8", "memory": "16Gi", "pods": "110"}  # one node has room for all Pods
_RENEWS_EACH = 2.0
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


class PaperNodes:
    """The nodes, and the reports of their kubelets.

    A Pod becomes ready, and a Job's Pod succeeds, if all Secrets, ConfigMaps and volumes that it names exist.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._names: list[str] = []
        self._began: dict[str, float] = {}
        self._reported: dict[str, str] = {}
        self._renewed = 0.0
        self._addresses = (f"10.244.{n // 250}.{n % 250 + 1}" for n in count())
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._loop)
        self.broken_tags: set[str] = set()
        """Pods with an image of such a tag never start, as if the registry did not have it."""
        self.dead: set[str] = set()
        """Nodes whose kubelet reports nothing."""
        self.failure: Exception | None = None

    def add(self, name: str, zone: str, *taints: Object) -> None:
        labels = {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "topology.kubernetes.io/zone": zone,
        }
        node = {"metadata": {"name": name, "labels": labels}, "spec": {"taints": list(taints)}}
        self._cluster.request("POST", "/api/v1/nodes", node)
        self._cluster.request(
            "POST", _LEASES, {"metadata": {"name": name}, "spec": {"holderIdentity": name}}
        )
        self._names.append(name)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _loop(self) -> None:
        try:
            while not self._end.wait(0.2):
                self._give_signs_of_life()
                for pod in self._cluster.request("GET", "/api/v1/pods")["items"]:
                    if pod["spec"].get("nodeName") not in (None, *self.dead):
                        self._visit(pod)
        except (httpx.HTTPError, CommandFailed) as error:
            self.failure = error

    def _give_signs_of_life(self) -> None:
        if time.monotonic() - self._renewed < _RENEWS_EACH:
            return
        self._renewed = time.monotonic()
        ready = {"type": "Ready", "status": "True", "reason": "OnPaper", "message": ""}
        status = {"capacity": CAPACITY, "allocatable": CAPACITY, "conditions": [ready]}
        for name in self._names:
            if name not in self.dead:
                self._patch(f"{_LEASES}/{name}", {"spec": {"renewTime": _now("microseconds")}})
                # Changes something only at first, and after the node counted as dead.
                self._patch(f"/api/v1/nodes/{name}/status", {"status": status})

    def _visit(self, pod: Object) -> None:
        uid, namespace = pod["metadata"]["uid"], pod["metadata"]["namespace"]
        path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}"
        if "deletionTimestamp" in pod["metadata"]:
            self._cluster.request("DELETE", path, {"gracePeriodSeconds": 0})
            return
        report = self._next_report(pod)
        # The controllers take its readiness from a Pod of a dead node. A node that is back reports it again.
        lost = report == "Ready" and not _is_ready(pod)
        if lost or report != self._reported.get(uid):
            self._patch(f"{path}/status", {"status": self._status(pod, report)})
            self._reported[uid] = report

    def _next_report(self, pod: Object) -> str:
        uid = pod["metadata"]["uid"]
        if self._reported.get(uid) in ("Ready", "Succeeded"):
            return self._reported[uid]
        containers = (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ()))
        if any(each["image"].rpartition(":")[2] in self.broken_tags for each in containers):
            return "ImagePullBackOff"
        if missing := self._missing(pod):
            return f"ContainerCreating: {missing}"
        began = self._began.setdefault(uid, time.monotonic())
        if time.monotonic() - began < STARTS_IN:
            return "Running"
        owners = pod["metadata"].get("ownerReferences", ())
        return "Succeeded" if any(each["kind"] == "Job" for each in owners) else "Ready"

    def _missing(self, pod: Object) -> str:
        """Return the first object that the Pod names and the cluster does not have, or an empty string."""
        named: set[tuple[str, str, str]] = set()
        for volume in pod["spec"].get("volumes", ()):
            for source in volume.get("projected", {}).get("sources", ()):
                if secret := source.get("secret"):
                    named |= {("secrets", secret["name"], item["key"]) for item in secret["items"]}
            if claim := volume.get("persistentVolumeClaim"):
                named.add(("persistentvolumeclaims", claim["claimName"], ""))
        for container in pod["spec"]["containers"]:
            for source in container.get("envFrom", ()):
                named.add(("configmaps", source["configMapRef"]["name"], ""))
        namespace = f"/api/v1/namespaces/{pod['metadata']['namespace']}"
        for kind, name, key in sorted(named):
            found = self._cluster.request("GET", f"{namespace}/{kind}/{name}")
            if not found or (key and key not in found.get("data", {})):
                return f"{kind}/{name} {key}".strip()
        return ""

    def _status(self, pod: Object, report: str) -> Object:
        now, word = _now(), report.partition(":")[0]
        phases = {"Running": "Running", "Ready": "Running", "Succeeded": "Succeeded"}
        state: Object = {"waiting": {"reason": word, "message": report}}
        if word in ("Running", "Ready"):
            state = {"running": {"startedAt": now}}
        elif word == "Succeeded":
            state = {
                "terminated": {
                    "exitCode": 0,
                    "startedAt": now,
                    "finishedAt": now,
                    "reason": "Completed",
                }
            }
        ready = word == "Ready"
        address = pod["status"].get("podIP") or next(self._addresses)
        return {
            "phase": phases.get(word, "Pending"),
            "startTime": now,
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [
                {"type": kind, "status": str(ready), "lastTransitionTime": now}
                for kind in ("ContainersReady", "Ready")
            ],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": "",
                    "ready": ready,
                    "started": ready,
                    "restartCount": 0,
                    "state": state,
                }
                for container in pod["spec"]["containers"]
            ],
        }

    def _patch(self, path: str, body: Object) -> None:
        # Lists of conditions are merged by their type.
        self._cluster.request(
            "PATCH", path, body, content_type="application/strategic-merge-patch+json"
        )


def _is_ready(pod: Object) -> bool:
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True"


def _now(precision: str = "seconds") -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec=precision) + "Z"
