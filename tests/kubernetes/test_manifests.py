"""A real API server accepts every overlay with every component, and applying it again changes nothing."""

import time
from collections.abc import Callable

import pytest
import yaml
from cathouse_kit.testing import wait_until

from .cluster import CommandFailed
from .conftest import See
from .deployment import COMPONENTS, NAMES, NAMESPACES, PATIENCE, Deployment

EVERYTHING = tuple(COMPONENTS)
CHOICES = [
    *((overlay, components) for overlay in NAMESPACES for components in ((), EVERYTHING)),
    *(("production", (name,)) for name in COMPONENTS),
]


def _name(overlay: str, components: tuple[str, ...]) -> str:
    if components == EVERYTHING:
        return f"{overlay}, all components"
    return f"{overlay}, {components[0] if components else 'no component'}"


@pytest.mark.parametrize(
    ("overlay", "components"), CHOICES, ids=[_name(*choice) for choice in CHOICES]
)
def test_an_overlay_is_accepted_and_applying_it_twice_changes_nothing(
    deployments: dict[str, Deployment], overlay: str, components: tuple[str, ...], see: See
) -> None:
    deployment = deployments[overlay]
    deployment.configure(*components)
    began = time.monotonic()
    deployment.apply_release()
    deployment.wait_until_settled()
    seconds = time.monotonic() - began
    objects = _apply_again(deployment, deployment.apply)
    # The status is 1 if an object differs.
    deployment.cluster.kubectl("diff", "--filename=-", given=deployment.render())
    figures = f"{objects} objects accepted, running in {seconds:.0f} s; applied again, 0 changed"
    see(_name(overlay, components), figures)


def _apply_again(deployment: Deployment, apply: Callable[[], object]) -> int:
    """Apply objects that are applied already, and check that none changes. Return their number.

    A controller may still write a status meanwhile. Only objects that change each time fail the test.
    """
    for _ in range(5):
        before = deployment.applied_objects()
        apply()
        after = deployment.applied_objects()
        if after == before:
            break
    assert after == before
    return len(after)


def test_server_side_apply_changes_nothing_the_second_time(production: Deployment) -> None:
    """Argo CD and Flux apply in this way."""
    production.configure(*COMPONENTS)
    words = ("apply", "--server-side", "--force-conflicts", "--field-manager=gitops")

    def apply() -> str:
        return production.cluster.kubectl(*words, "--filename=-", given=production.render())

    production.delete_migrate()
    apply()
    production.wait_until_settled()
    _apply_again(production, apply)


@pytest.mark.parametrize("overlay", NAMESPACES)
def test_the_namespace_refuses_pods_that_are_not_restricted(
    deployments: dict[str, Deployment], overlay: str, see: See
) -> None:
    deployment = deployments[overlay]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root", "namespace": deployment.namespace},
        "spec": {"containers": [{"name": "root", "image": "root"}]},
    }
    with pytest.raises(CommandFailed, match='violates PodSecurity "restricted:latest"'):
        deployment.cluster.kubectl("apply", "--filename=-", given=yaml.safe_dump(pod))
    see(f"{overlay}, a Pod that may be root", "refused")


def test_autoscalers_and_budgets_find_the_deployments(production: Deployment, see: See) -> None:
    production.wait_until_settled()
    scalers = production.get("horizontalpodautoscalers")
    budgets = production.get("poddisruptionbudgets")
    counts = {each["metadata"]["name"]: each["status"]["currentReplicas"] for each in scalers}
    assert counts == dict.fromkeys(NAMES, 3)
    allowed = {each["metadata"]["name"]: each["status"] for each in budgets}
    assert {name: each["currentHealthy"] for name, each in allowed.items()} == counts
    assert {name: each["disruptionsAllowed"] for name, each in allowed.items()} == dict.fromkeys(
        NAMES, 1
    )
    see("production, autoscalers", "3 replicas of each service; each budget allows 1 eviction")


def test_scheduled_jobs_run_and_succeed(production: Deployment, see: See) -> None:
    names = ["backup", "prune-audit"]
    production.configure(*names)
    production.apply()
    for name in names:
        production.cluster.kubectl(
            "patch",
            f"cronjob/{name}",
            f"--namespace={production.namespace}",
            '--patch={"spec": {"schedule": "* * * * *"}}',
        )

    def succeeded() -> list[str]:
        jobs = production.get("cronjobs")
        return sorted(j["metadata"]["name"] for j in jobs if "lastSuccessfulTime" in j["status"])

    wait_until("a run of each CronJob", lambda: succeeded() == names, PATIENCE)
    claims = production.get("persistentvolumeclaims")
    assert [claim["status"]["phase"] for claim in claims] == ["Bound"]
    see("production, CronJobs backup and prune-audit", "scheduled, and their Pods succeeded")
