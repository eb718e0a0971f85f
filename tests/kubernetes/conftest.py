"""The paper cluster of the tests, and the table of what they saw."""

from collections.abc import Callable, Iterator

import pytest
import yaml

from .cluster import Cluster, programs
from .deployment import NAMESPACES, PATIENCE, Deployment
from .paper_nodes import PaperNodes

WORKERS = {"node-1": "zone-a", "node-2": "zone-b", "node-3": "zone-c"}
CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
See = Callable[[str, str], None]
_seen = pytest.StashKey[list[tuple[str, str]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_seen] = []


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    rows = config.stash[_seen]
    terminalreporter.section("paper cluster")
    width = max((len(name) for name, _ in rows), default=0)
    for name, figures in rows:
        terminalreporter.write_line(f"{name:<{width}}  {figures}")


@pytest.fixture(scope="session")
def see(pytestconfig: pytest.Config) -> See:
    """Return a function that adds a row to the table."""
    return lambda name, figures: pytestconfig.stash[_seen].append((name, figures))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start the cluster, with the kinds of the operators that components use."""
    found = programs()
    if found is None:
        pytest.fail(
            "these tests need Kubernetes' programs: run tests/kubernetes/build-programs.sh, once",
            pytrace=False,
        )
    with Cluster(found, tmp_path_factory.mktemp("cluster")).running() as cluster:
        cluster.kubectl("apply", "--server-side", f"--filename={found / 'definitions'}")
        for each in (_metrics_definition(), *map(_volume, NAMESPACES)):
            cluster.kubectl("apply", "--filename=-", given=yaml.safe_dump(each))
        cluster.kubectl("wait", "--for=condition=Established", "customresourcedefinitions", "--all")
        yield cluster


def _metrics_definition() -> dict[str, object]:
    """Return the definition of the objects that metrics-server has for the autoscalers. Here the tests write them."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "pods.metrics.k8s.io",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a double for tests"},
        },
        "spec": {
            "group": "metrics.k8s.io",
            "scope": "Namespaced",
            "names": {"plural": "pods", "kind": "PodMetrics"},
            "versions": [
                {
                    "name": "v1beta1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": anything},
                }
            ],
        },
    }


def _volume(overlay: str) -> dict[str, object]:
    """Return a volume for the backups of an overlay."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"backups-{overlay}"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "20Gi"},
            "hostPath": {"path": "/on-paper"},
        },
    }


@pytest.fixture(scope="session")
def paper_nodes(cluster: Cluster) -> Iterator[PaperNodes]:
    """Three nodes in three zones, and a node of the control plane, whose taint the services do not tolerate."""
    nodes = PaperNodes(cluster)
    for name, zone in WORKERS.items():
        nodes.add(name, zone)
    nodes.add("control-plane", "zone-a", CONTROL_PLANE)
    nodes.start()
    yield nodes
    nodes.stop()
    assert nodes.failure is None


@pytest.fixture(scope="module")
def deployments(
    cluster: Cluster, paper_nodes: PaperNodes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Deployment]]:
    """Return each overlay, with its namespace and the secrets, and nothing else applied yet.

    Each module has namespaces of its own: what components leave behind would take room on the nodes.
    """
    found = {}
    for overlay in NAMESPACES:
        found[overlay] = Deployment(cluster, overlay, tmp_path_factory.mktemp(overlay))
        found[overlay].create_namespace_and_secrets()
    yield found
    paper_nodes.dead.clear()
    # It waits until nothing of them is left.
    cluster.kubectl("delete", "namespace", *NAMESPACES.values(), f"--timeout={PATIENCE}s")


@pytest.fixture
def production(deployments: dict[str, Deployment], paper_nodes: PaperNodes) -> Deployment:
    """Return the production overlay as the repository has it, applied and settled, on healthy nodes."""
    return _reset(deployments["production"], paper_nodes)


@pytest.fixture
def staging(deployments: dict[str, Deployment], paper_nodes: PaperNodes) -> Deployment:
    """Return the staging overlay, like `production`."""
    return _reset(deployments["staging"], paper_nodes)


def _reset(deployment: Deployment, nodes: PaperNodes) -> Deployment:
    assert nodes.failure is None
    nodes.dead.clear()
    nodes.broken_tags.clear()
    for name in WORKERS:
        deployment.cluster.kubectl("uncordon", name)
        deployment.cluster.run("kubectl", "taint", "node", name, "maintenance-")
    deployment.configure()
    deployment.apply_release()
    deployment.wait_until_settled()
    return deployment
