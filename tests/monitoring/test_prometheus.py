"""A real Prometheus scrapes the running services: every expression has data, and alerts fire only when they should.

The rule for expressions: while all is well, each one returns data once its comparisons keep all series (`unfiltered`),
and so does each metric in it. Counters of failures are the exception, because they have no series before the first
failure. They return data after the failures that the fixture `failing` causes.
"""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import httpx
import pytest
from cathouse_kit.registry import load_registry
from cathouse_kit.testing import free_port, wait_until

from ..journey.platform import Platform, another_proxy
from ..stack.stack import stack_in
from .expressions import ROOT, Expression, expressions, selects_failures
from .prometheus import Prometheus, running_node_exporter, running_prometheus, stand_in

SERVICES = tuple(service.name for service in load_registry(ROOT / "services.toml"))
EXPRESSIONS = tuple(expressions())
UNKNOWN = {"Authorization": "Bearer unknown"}
NO_CAT = "019b0000-0000-7000-8000-000000000000"
BUSY_SECONDS = 120.0
"""A request on a busy machine never takes as long."""
TASKS = ("backup", "prune-audit")
# A busy machine makes requests slow, which is no fault of the services.
DEPENDS_ON_THE_MACHINE = {("Slow", service) for service in SERVICES}
pytestmark = pytest.mark.xdist_group("stack")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"these tests need {name} on the PATH: Debian's package {name}", pytrace=False)
    return found


@dataclass
class Monitored:
    """The platform, and a Prometheus that scrapes it."""

    platform: Platform
    prometheus: Prometheus
    targets: dict[str, list[str]]
    adopted: dict[str, str] = field(init=False)
    """The headers of an installation's calls."""
    path: str = field(init=False)

    def __post_init__(self) -> None:
        adopted = self.platform.adopt()
        self.adopted = {"Authorization": f"Bearer {adopted['credential']}"}
        self.path = f"/api/v1/proxy/{adopted['installation']['id']}/tasks"

    def use(self) -> None:
        """Send a few requests to each service, which all have the expected response."""
        expected = {
            ("auth", "/api/v1/auth/me"): 200,
            ("catalog", "/api/v1/catalog/cats"): 200,
            ("installation", "/api/v1/installations"): 200,
            ("proxy", self.path): 200,
            ("proxy", "/api/v1/proxy/audit"): 200,
            ("catalog", "/api/v1/catalog/cats/none"): 404,
        }
        for (service, path), status in expected.items():
            who = self.adopted if path == self.path else self.platform.player
            response = self.platform.call("GET", service, path, who)
            assert response.status_code == status, f"{path}: {response.text}"
        unknown = self.platform.call("GET", "proxy", self.path, UNKNOWN)
        assert unknown.status_code == 401

    def record(self, task: str) -> None:
        """Record the success of a scheduled job, as docs/how-to/set-up-monitoring.md shows."""
        script = self.platform.stack.folder / "deploy/prometheus/record-success.sh"
        subprocess.run([script, task, "true"], check=True, timeout=60)


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    programs = _program("prometheus"), _program("prometheus-node-exporter")
    folder = tmp_path_factory.mktemp("monitoring")
    with ExitStack() as running:
        stack = running.enter_context(stack_in(folder / "copy"))
        stack.environment["PROXY_ALLOW_PRIVATE_UPSTREAMS"] = "true"  # for the second proxy
        # for auth: a busy machine refuses many wrong passwords slowly
        stack.environment["LOGIN_LIMIT_BY_ACCOUNT"] = "3/hour"
        stack.start()
        stack.wait_until_up()
        client = running.enter_context(httpx.Client(timeout=BUSY_SECONDS, trust_env=False))
        recorded = stack.folder / "deploy/prometheus/recorded"
        node = running.enter_context(running_node_exporter(programs[1], folder, recorded))
        targets = {service: [f"127.0.0.1:{stack.ports[service]}"] for service in SERVICES}
        targets |= {"node": [node], "stand-in": [running.enter_context(stand_in())]}
        prometheus = running.enter_context(running_prometheus(programs[0], folder, targets))
        yield Monitored(Platform(stack, stack.url("proxy"), client), prometheus, targets)


def _answered(
    monitored: Monitored,
    texts: Sequence[str],
    use: Callable[[], None],
    seconds: float = 2 * BUSY_SECONDS,
) -> set[str]:
    """Return the expressions that return data within some time, while the services are used."""
    waiting = set(texts)
    deadline = time.monotonic() + seconds
    while waiting and time.monotonic() < deadline:
        use()
        waiting = {text for text in waiting if not monitored.prometheus.query(text)}
        time.sleep(0.5)
    return set(texts) - waiting


def _texts(expression: Expression) -> list[str]:
    return [expression.unfiltered, *expression.selectors]


@pytest.fixture(scope="module")
def answered(monitored: Monitored) -> set[str]:
    """Return the expressions that return data while all is well."""
    for task in TASKS:
        monitored.record(task)
    texts = [text for each in EXPRESSIONS for text in _texts(each) if not selects_failures(text)]
    return _answered(monitored, texts, monitored.use)


@dataclass
class Failing:
    """The platform after failures: a service and a cat are down, and a replica of the proxy does not reach Redis."""

    monitored: Monitored
    proxy: str
    """The URL of that replica."""
    targets: dict[str, list[str]]

    def use(self) -> None:
        """Send requests of which some fail."""
        platform = self.monitored.platform
        wish = {"cat_id": NO_CAT, "granted_scopes": []}
        adopting = platform.call(
            "POST", "installation", "/api/v1/installations", platform.player, json=wish
        )
        assert adopting.status_code == 503, adopting.text
        call = platform.call("GET", "proxy", self.monitored.path, self.monitored.adopted)
        assert call.status_code == 503, call.text  # the scopes of a cat come from the catalog
        guess = platform.client.get(self.proxy + self.monitored.path, headers=UNKNOWN)
        assert guess.status_code == 503, guess.text
        assert platform.call("GET", "auth", "/api/v1/auth/me", platform.player).is_success


@pytest.fixture(scope="module")
def failing(monitored: Monitored, answered: set[str]) -> Iterator[Failing]:
    platform, stack = monitored.platform, monitored.platform.stack
    port = free_port()
    stack.environment["RATE_LIMIT_STORAGE"] = f"redis://127.0.0.1:{free_port()}/0"
    with another_proxy(stack, port, answers="/health") as url:
        assert stack.run("process", "stop", "tasks").returncode == 0
        call = platform.call("GET", "proxy", monitored.path, monitored.adopted)
        assert call.status_code == 502, call.text
        form = {"username": "nobody@example.com", "password": "wrong"}
        wait_until(
            "auth to limit sign-in",
            lambda: (
                platform.call("POST", "auth", "/api/v1/auth/login", {}, data=form).status_code
                == 429
            ),
        )
        assert stack.run("process", "stop", "catalog").returncode == 0
        targets = monitored.targets | {"proxy": [*monitored.targets["proxy"], f"127.0.0.1:{port}"]}
        monitored.prometheus.configure(targets)
        yield Failing(monitored, url, targets)


@pytest.fixture(scope="module")
def answered_after_failures(failing: Failing) -> set[str]:
    texts = [text for each in EXPRESSIONS for text in _texts(each) if selects_failures(text)]
    return _answered(failing.monitored, texts, failing.use)


def test_no_alert_is_raised_while_all_is_well(monitored: Monitored, answered: set[str]) -> None:
    def raised() -> set[tuple[str, str]]:
        return monitored.prometheus.alerts("pending", "firing") - DEPENDS_ON_THE_MACHINE

    def all_up() -> bool:
        return all(monitored.prometheus.query(f'up{{job="{name}"}}') == [1] for name in SERVICES)

    wait_until(f"the end of {raised()}", lambda: all_up() and not raised())


@pytest.mark.parametrize(
    ("task", "alert"), [("backup", "BackupLate"), ("prune-audit", "PruneLate")], ids=TASKS
)
def test_a_task_that_is_late_raises_its_alert_until_it_succeeds(
    monitored: Monitored, answered: set[str], task: str, alert: str
) -> None:
    file = monitored.platform.stack.folder / f"deploy/prometheus/recorded/{task}.prom"
    metric, _, seconds = file.read_text().rpartition(" ")
    file.write_text(f"{metric} {int(seconds) - 3 * 24 * 3600}\n")

    def firing() -> bool:
        return (alert, "") in monitored.prometheus.alerts("firing")

    wait_until(alert, firing)
    monitored.record(task)
    wait_until(f"the end of {alert}", lambda: not firing())


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=lambda expression: expression.where)
def test_each_expression_returns_data(
    answered: set[str], answered_after_failures: set[str], expression: Expression
) -> None:
    for text in _texts(expression):
        assert text in answered | answered_after_failures, f"{expression.where}: no data for {text}"


def test_a_service_that_is_stopped_raises_service_down_and_no_other_service_does(
    failing: Failing,
) -> None:
    prometheus = failing.monitored.prometheus
    down = ("ServiceDown", "catalog")
    wait_until("ServiceDown", lambda: down in prometheus.alerts("pending", "firing"))
    prometheus.configure(failing.targets, at_once=True)
    wait_until("ServiceDown to fire", lambda: down in prometheus.alerts("firing"))
    assert {alert for alert in prometheus.alerts("firing") if alert[0] == "ServiceDown"} == {down}


@pytest.mark.parametrize(
    "alert",
    [
        ("Failing", "installation"),
        ("UpstreamFailing", "installation"),
        ("CallsFailing", "proxy"),
        ("RateLimitsUnavailable", "proxy"),
    ],
    ids=lambda alert: alert[0],
)
def test_failures_raise_their_alerts(failing: Failing, alert: tuple[str, str]) -> None:
    prometheus = failing.monitored.prometheus
    prometheus.configure(failing.targets, at_once=True)

    def firing() -> bool:
        failing.use()
        return alert in prometheus.alerts("firing")

    wait_until(f"{alert} to fire", firing)
