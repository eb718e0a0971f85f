"""Updates, roll-backs, drains, taints, dead nodes and load: what becomes of the replicas, and how many stay ready."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from cathouse_kit.testing import wait_until

from .cluster import CommandFailed, Object
from .conftest import WORKERS, See
from .deployment import NAMES, PATIENCE, Deployment
from .paper_nodes import PaperNodes


@dataclass
class Observed:
    seconds: float = 0.0
    fewest: int = 0
    """The fewest ready endpoints that any service had."""

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s, fewest ready replicas {self.fewest}"


@contextmanager
def observed(deployment: Deployment) -> Iterator[Observed]:
    """Measure what happens inside, until the Deployments have all replicas again."""
    result = Observed()
    with deployment.cluster.endpoints(deployment.namespace) as fewest:
        began = time.monotonic()
        yield result
        wait_until("all replicas", deployment.has_all_replicas, PATIENCE)
        result.seconds = time.monotonic() - began
        counts = fewest()
        result.fewest = min(counts[name] for name in NAMES)


def spreads(deployment: Deployment) -> set[tuple[int, ...]]:
    """Return the different ways in which the services are spread over nodes."""
    return {tuple(deployment.spread(name)) for name in NAMES}


def test_the_documented_upgrade_and_roll_back_keep_every_replica_serving(
    production: Deployment, see: See
) -> None:
    production.configure(tag="0.2.0")
    with observed(production) as update:
        production.type("Deploy")
    see("production, update", f"{update}; spread over nodes {spreads(production)}")
    assert update.fewest == 3
    assert spreads(production) == {(1, 1, 1)}
    for name in NAMES:
        sets = production.replica_sets(name)
        assert sets["0.2.0"]["status"]["readyReplicas"] == 3
        assert sets["0.1.0"]["spec"]["replicas"] == 0
    with observed(production) as back:
        production.type("Roll back")
    see("production, roll-back of the update", f"{back}; spread over nodes {spreads(production)}")
    assert back.fewest == 3
    assert spreads(production) == {(1, 1, 1)}
    for name in NAMES:
        sets = production.replica_sets(name)
        assert sets["0.1.0"]["status"]["readyReplicas"] == 3
        assert sets["0.2.0"]["spec"]["replicas"] == 0


def test_an_update_of_staging_replaces_its_one_replica_when_the_new_one_is_ready(
    staging: Deployment, see: See
) -> None:
    staging.configure(tag="0.2.0")
    with observed(staging) as update:
        staging.type("Deploy")
    see("staging, update", str(update))
    assert update.fewest == 1


def test_old_replica_sets_are_deleted(staging: Deployment) -> None:
    for number in range(6):
        staging.configure(tag=f"0.3.{number}")
        staging.apply_release()
        staging.wait_until_settled()
    wait_until(
        "the deletion of old ReplicaSets",
        lambda: {len(staging.replica_sets(name)) for name in NAMES} == {6},
    )


def test_an_image_that_does_not_start_leaves_the_old_replicas_serving_until_the_roll_back(
    production: Deployment, paper_nodes: PaperNodes, see: See
) -> None:
    paper_nodes.broken_tags.add("0.2.0")
    production.configure(broken=dict.fromkeys(NAMES, "0.2.0"))
    with observed(production) as rollout:
        production.apply()
        wait_until("a Pod of each new ReplicaSet", lambda: _waiting(production) == len(NAMES))
        with pytest.raises(CommandFailed, match="timed out"):
            production.cluster.kubectl(
                "rollout",
                "status",
                "deployment",
                f"--namespace={production.namespace}",
                "--selector=app.kubernetes.io/part-of=cathouse",
                "--timeout=5s",
            )
        for name in NAMES:
            sets = production.replica_sets(name)
            assert sets["0.1.0"]["status"]["readyReplicas"] == 3
            assert sets["0.2.0"]["status"].get("readyReplicas", 0) == 0
            assert sets["0.2.0"]["spec"]["replicas"] == 1
        began = time.monotonic()
        production.type("Roll back")
        back = time.monotonic() - began
    production.wait_until_settled()
    see(
        "production, update to a broken image, and roll-back",
        f"fewest ready replicas {rollout.fewest}; rolled back in {back:.0f} s",
    )
    assert rollout.fewest == 3
    assert {
        production.replica_sets(name)["0.1.0"]["status"]["readyReplicas"] for name in NAMES
    } == {3}
    assert {production.replica_sets(name)["0.2.0"]["spec"]["replicas"] for name in NAMES} == {0}


def _waiting(deployment: Deployment) -> int:
    """Return the number of Pods whose image could not be pulled."""
    return sum("ImagePullBackOff" in str(pod["status"]) for pod in deployment.get("pods"))


def test_a_migration_that_does_not_start_changes_no_service(
    production: Deployment, paper_nodes: PaperNodes, see: See
) -> None:
    paper_nodes.broken_tags.add("0.2.0")
    before = [d["metadata"]["generation"] for d in _services(production)]
    production.configure(tag="0.2.0")
    with observed(production) as attempt, pytest.raises(CommandFailed, match="timed out"):
        production.type("Deploy", patience=5)
    see("production, a migration that does not start", f"fewest ready replicas {attempt.fewest}")
    assert attempt.fewest == 3
    assert [d["metadata"]["generation"] for d in _services(production)] == before


def _services(deployment: Deployment) -> list[Object]:
    return deployment.get("deployments", labelSelector="app.kubernetes.io/part-of=cathouse")


def test_every_node_is_drained_in_turn_and_each_service_keeps_two_replicas(
    production: Deployment, see: See
) -> None:
    for node in WORKERS:
        with observed(production) as drain:
            evicted = _drain(production, node)
        see(f"production, drain of {node}", f"{drain}; {evicted} Pods evicted")
        assert drain.fewest >= 2
        assert spreads(production) == {(2, 1)}, "a drained node must not keep replicas Pending"
        production.cluster.kubectl("uncordon", node)


def test_two_nodes_drained_at_once_leave_each_service_two_replicas(
    production: Deployment, see: See
) -> None:
    """The budgets make one drain wait until the replicas of the other run elsewhere."""
    with observed(production) as drain:
        _drain(production, "node-1", "node-2")
    see("production, drain of two nodes at once", str(drain))
    assert drain.fewest >= 2
    assert spreads(production) == {(3,)}


def _drain(deployment: Deployment, *nodes: str) -> int:
    """Drain nodes as an administrator does. Return the number of evicted Pods."""
    output = deployment.cluster.kubectl(
        "drain", *nodes, "--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={PATIENCE}s"
    )
    return sum(line.endswith(" evicted") for line in output.splitlines())


@pytest.mark.parametrize(("effect", "fewest"), [("NoSchedule", 3), ("NoExecute", 2)])
def test_an_update_completes_beside_a_tainted_node(
    production: Deployment, effect: str, fewest: int, see: See
) -> None:
    """NoSchedule leaves the Pods that run on the node, NoExecute ends them."""
    with observed(production) as taint:
        production.cluster.kubectl("taint", "node", "node-1", f"maintenance=:{effect}")
        if effect == "NoExecute":
            wait_until("the end of its Pods", lambda: "node-1" not in _nodes(production))
    production.configure(tag="0.2.0")
    with observed(production) as update:
        production.type("Deploy")
    see(f"production, a node with a taint {effect}", f"{taint}; then an update: {update}")
    assert taint.fewest == fewest
    assert update.fewest == 3
    assert spreads(production) == {(2, 1)}
    assert _nodes(production) == {"node-2", "node-3"}


def _nodes(deployment: Deployment) -> set[str]:
    return {
        pod["spec"]["nodeName"] for pod in deployment.running_pods() if "nodeName" in pod["spec"]
    }


def test_replicas_of_a_dead_node_are_replaced(
    production: Deployment, paper_nodes: PaperNodes, see: See
) -> None:
    with observed(production) as death:
        paper_nodes.dead.add("node-2")
        wait_until("the end of its Pods", lambda: "node-2" not in _nodes(production), PATIENCE)
    see("production, death of a node", str(death))
    assert death.fewest == 2
    paper_nodes.dead.clear()
    production.wait_until_settled()
    assert all(production.replicas(name) == 3 for name in NAMES)


def test_autoscalers_follow_the_load_and_an_upgrade_keeps_their_count(
    production: Deployment, see: See
) -> None:
    began = time.monotonic()
    _wait_for_replicas(production, 6, load="900m")
    up = time.monotonic() - began
    assert spreads(production) == {(2, 2, 2)}
    production.configure(tag="0.2.0")
    with observed(production) as update:
        production.apply_release()
        _wait_for_replicas(production, 6, load="900m")
    assert update.fewest == 6
    began = time.monotonic()
    _wait_for_replicas(production, 3, load="100m")
    down = time.monotonic() - began
    production.delete_load()
    see(
        "production, load of 900m and of 100m for each replica",
        f"3 to 6 replicas in {up:.0f} s, an update at 6: {update}; back to 3 in {down:.0f} s",
    )


def _wait_for_replicas(deployment: Deployment, count: int, load: str) -> None:
    """Report this use of CPU for each Pod until every service has so many replicas."""

    def reached() -> bool:
        deployment.report_load(load)
        return all(deployment.replicas(name) == count for name in NAMES) and deployment.is_settled()

    wait_until(f"{count} replicas at {load}", reached, PATIENCE)
