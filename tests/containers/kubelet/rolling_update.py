"""The rolling update on a real kubelet. run.sh runs it, in namespaces that look like a machine of its own."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cathouse_kit.testing import wait_until

from tests.containers.engine import NAMES, ROOT
from tests.kubernetes.cluster import Cluster, programs
from tests.kubernetes.deployment import PATIENCE, Deployment

HERE = Path(__file__).parent
NODE = "10.244.0.1"
"""The address of the only network device, to which the Pods are connected."""
AWAY_SECONDS = 45


class Steps:
    """The steps, and the table of what the client saw in each."""

    def __init__(self, cluster: Cluster, deployment: Deployment) -> None:
        self._cluster, self._deployment = cluster, deployment
        self.faults: list[str] = []
        self._print("", "seconds", "made", "retried", "failed", "restarts")

    @contextmanager
    def step(self, what: str, *, may_fail: bool = False) -> Iterator[None]:
        """Measure what happens inside, until the Deployments have all replicas again, and 3 seconds more."""
        before, restarts, began = self._counts(), self._restarts(), time.monotonic()
        yield
        wait_until("all replicas", self._deployment.has_all_replicas, PATIENCE)
        seconds = time.monotonic() - began
        after = self._counts(since=time.time() + 3)
        found = {key: after[key] - before[key] for key in ("made", "retried", "failed")}
        found["restarts"] = self._restarts() - restarts
        self._print(what, f"{seconds:.0f}", *found.values())
        if found["restarts"] or (found["failed"] and not may_fail):
            self.faults.append(what)
            print(
                *(line for line in self._lines() if "attempt" in line or "status" in line), sep="\n"
            )

    def first(self, what: str, seconds: float) -> None:
        """Add a row for a time without a client."""
        self._print(what, f"{seconds:.0f}")

    def _print(self, what: str, *columns: object) -> None:
        print(f"{what:<28}", *(f"{each:>8}" for each in columns), flush=True)

    def _counts(self, since: float = 0) -> dict[str, int]:
        """Return the client's newest counts, when there are some after this time."""

        def newest() -> dict[str, int]:
            found = [line for line in self._lines() if "made" in line and line["at"] > since]
            return found[-1] if found else {}

        return wait_until("the client's counts", newest, PATIENCE)

    def _lines(self) -> list[dict[str, int]]:
        """Return the last lines of the client."""
        namespace = f"--namespace={self._deployment.namespace}"
        words = ("logs", "deployment/client", "--tail=300", namespace)
        text = self._cluster.run("kubectl", *words).stdout
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def _restarts(self) -> int:
        """Return how often kubelet started containers of services again."""
        pods = self._deployment.running_pods(labelSelector="app.kubernetes.io/component=service")
        return sum(
            each["restartCount"] for pod in pods for each in pod["status"]["containerStatuses"]
        )


def import_images(archive: Path) -> None:
    """Give the images the names that the overlay has."""

    def ctr(*words: str | Path) -> None:
        subprocess.run(
            ["ctr", "--namespace=k8s.io", "images", *words], check=True, stdout=subprocess.DEVNULL
        )

    ctr("import", archive)
    ctr("tag", "docker.io/cathouse-test/valkey:latest", "docker.io/valkey/valkey:8")
    for name in (*NAMES, "migrate"):
        for tag in ("0.1.0", "0.2.0"):
            image = f"registry.example.com/cathouse/cathouse-{name}:{tag}"
            ctr("tag", f"docker.io/cathouse-test/{name}:latest", image)


def publish_names(cluster: Cluster, folder: Path, end: threading.Event) -> None:
    """Write the names of Services for dnsmasq, which reads each change of the folder."""
    written = ""
    while not end.wait(0.5):
        lines = ""
        for service in cluster.request("GET", "/api/v1/services")["items"]:
            name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
            lines += f"{service['spec']['clusterIP']} {name}.{namespace}.svc.cluster.local\n"
        if lines != written:
            (folder / "services").write_text(lines)
            written = lines


@contextmanager
def node(cluster: Cluster, folder: Path) -> Iterator[None]:
    """Start everything that a node has: containerd, kubelet, kube-proxy and DNS."""
    network, names = Path("/run/cni"), folder / "names"
    network.mkdir()
    names.mkdir()
    shutil.copy(HERE / "network.json", network / "pods.conflist")
    end = threading.Event()
    with ExitStack() as stack:
        start = stack.enter_context
        start(cluster.process("containerd", f"--config={HERE / 'containerd.toml'}"))
        socket = Path("/run/containerd/containerd.sock")
        wait_until("containerd", socket.exists)
        import_images(folder / "images.tar")
        start(
            cluster.process(
                "kubelet",
                f"--config={HERE / 'kubelet.yaml'}",
                f"--kubeconfig={cluster.kubeconfig}",
                f"--node-ip={NODE}",
                "--hostname-override=node",
            )
        )
        start(
            cluster.process(
                "kube-proxy",
                f"--kubeconfig={cluster.kubeconfig}",
                "--hostname-override=node",
                "--cluster-cidr=10.244.0.0/24",
                # These settings of the kernel belong to the whole machine.
                "--conntrack-max-per-core=0",
                "--conntrack-tcp-timeout-established=0",
                "--conntrack-tcp-timeout-close-wait=0",
            )
        )
        start(
            cluster.process(
                "dnsmasq",
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--user=root",
                f"--listen-address={NODE}",
                "--bind-interfaces",
                "--no-resolv",
                "--no-hosts",
                "--local=/cluster.local/",
                f"--hostsdir={names}",
            )
        )
        thread = threading.Thread(target=publish_names, args=(cluster, names, end))
        thread.start()
        try:
            wait_until("the node", lambda: "node" in cluster.kubectl("get", "nodes"), PATIENCE)
            cluster.kubectl("wait", "--for=condition=Ready", "node/node", f"--timeout={PATIENCE}s")
            yield
        finally:
            end.set()
            thread.join()


def rolling_update(cluster: Cluster, folder: Path) -> list[str]:
    """Take the steps. Return the names of those in which a request failed, or a replica was started again."""
    deployment = Deployment(cluster, "staging", folder)
    load = folder / "deploy/kubernetes/components/load"
    shutil.copytree(HERE / "load", load)
    shutil.copy(HERE.parent / "steady_client.py", load)
    package = "cathouse_example_tasks"
    shutil.copytree(ROOT / "examples/tasks" / package, load / package)
    data = Path("/var/lib/postgresql")
    data.mkdir()
    os.chown(data, 999, 999)

    def kubectl(*words: str, given: str | None = None) -> str:
        return cluster.kubectl(f"--namespace={deployment.namespace}", *words, given=given)

    def wait_for_postgres() -> None:
        kubectl("rollout", "status", "deployment/postgres", f"--timeout={PATIENCE}s")

    deployment.create_namespace_and_secrets()
    deployment.configure("valkey", "load", tag="0.1.0")
    kubectl(
        "apply",
        "--selector=app.kubernetes.io/name=postgres",
        "--filename=-",
        given=deployment.render(),
    )
    wait_for_postgres()
    steps = Steps(cluster, deployment)
    began = time.monotonic()
    deployment.type("Deploy")
    steps.first("first deployment", time.monotonic() - began)
    admin = ("python", "-m", "cathouse_auth", "create-admin", "--email=admin@example.com")
    kubectl("exec", "-i", "deployment/auth", "--", *admin, given="correct horse battery staple")
    with steps.step("upgrade"):
        deployment.configure("valkey", "load", tag="0.2.0")
        deployment.type("Deploy")
    with steps.step("roll-back"):
        deployment.type("Roll back")
    with steps.step(f"PostgreSQL away for {AWAY_SECONDS} s", may_fail=True):
        kubectl("scale", "deployment/postgres", "--replicas=0")
        # slow on purpose: kubelet would restart replicas after three failed probes in a row
        time.sleep(AWAY_SECONDS)
        kubectl("scale", "deployment/postgres", "--replicas=1")
        wait_for_postgres()
    with steps.step("after its return"):
        # slow on purpose: requests that fail late are counted too
        time.sleep(10)
    return steps.faults


def main() -> int:
    folder = Path(sys.argv[1])
    found = programs()
    assert found is not None
    with Cluster(found, folder).running() as cluster, node(cluster, folder):
        try:
            faults = rolling_update(cluster, folder)
        except Exception:
            print(cluster.run("kubectl", "get", "pods,events", "--all-namespaces").stdout)
            raise
    for fault in faults:
        print(f"{fault}: a request failed, or a replica was started again")
    return 1 if faults else 0


sys.exit(main())
