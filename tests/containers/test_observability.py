"""The observability stack of Compose has bounded containers, files that exist, and one port, on this machine alone.

Compose merges the files for these tests. They need no engine.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from .engine import NAMES, ROOT, run

Yaml = dict[str, Any]
FILES = ("compose.yaml", "deploy/compose/observability.yaml")
ADDED = ("observability", "node-exporter")


@pytest.fixture(scope="module")
def services() -> Yaml:
    """Return the services of both files, as Compose merges them."""
    files = [f"--file={file}" for file in FILES]
    try:
        result = run("docker", "compose", *files, "config", "--format=json", seconds=60)
    except FileNotFoundError:
        pytest.fail("these tests need the program docker with Compose 2", pytrace=False)
    assert result.returncode == 0, result.stdout
    found: Yaml = json.loads(result.stdout)["services"]
    return found


@pytest.fixture(params=ADDED)
def added(request: pytest.FixtureRequest, services: Yaml) -> Yaml:
    found: Yaml = services[request.param]
    return found


def _mounts(service: Yaml) -> dict[str, Path]:
    """Return the files and folders of the repository in a container, by their path there."""
    volumes = [volume for volume in service["volumes"] if volume["type"] == "bind"]
    assert all(volume["read_only"] for volume in volumes)
    return {volume["target"]: Path(volume["source"]) for volume in volumes}


def test_it_adds_nothing_else(services: Yaml) -> None:
    of_compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    profiles = {name for name, service in of_compose.items() if "profiles" in service}
    assert set(services) == (set(of_compose) - profiles) | set(ADDED)


@pytest.mark.parametrize("name", [*NAMES, "gateway"])
def test_each_service_and_the_gateway_send_their_traces_there(services: Yaml, name: str) -> None:
    environment = services[name]["environment"]
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://observability:4318"
    assert environment.get("OTEL_TRACES_EXPORTER", "otlp") == "otlp"
    assert "internal" in services[name]["networks"].keys() & services["observability"]["networks"]


def test_grafana_alone_is_published_on_this_machine_alone(services: Yaml) -> None:
    ports = {
        name: [(port["host_ip"], port["target"]) for port in services[name].get("ports", [])]
        for name in ADDED
    }
    assert ports == {"observability": [("127.0.0.1", 3000)], "node-exporter": []}


def test_grafana_has_no_visitors_and_reads_its_password_from_a_file(services: Yaml) -> None:
    environment = services["observability"]["environment"]
    (secret,) = services["observability"]["secrets"]
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    # `config` writes each $ twice, so that its output can be read again.
    assert environment["GF_SECURITY_ADMIN_PASSWORD"] == f"$$__file{{{secret['target']}}}"


def test_its_containers_are_bounded_and_have_no_rights_of_root(added: Yaml) -> None:
    assert re.search(r":v?\d+\.\d+\.\d+$", added["image"]), "the version must be exact"
    assert added["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert added["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert (added["cap_drop"], added["security_opt"]) == (["ALL"], ["no-new-privileges:true"])


def test_metrics_and_traces_are_not_kept_forever(services: Yaml) -> None:
    environment = services["observability"]["environment"]
    assert "--storage.tsdb.retention.size=" in environment["PROMETHEUS_EXTRA_ARGS"]
    assert "compaction.block-retention=" in environment["TEMPO_EXTRA_ARGS"]


def test_the_files_in_its_containers_exist(added: Yaml) -> None:
    for source in _mounts(added).values():
        assert source.exists(), source


def test_prometheus_finds_its_rules_and_targets(services: Yaml) -> None:
    mounts = _mounts(services["observability"])
    # The image's Prometheus reads this file.
    config = yaml.safe_load(mounts["/otel-lgtm/prometheus.yaml"].read_text())
    for file in config["rule_files"]:
        assert mounts[f"/otel-lgtm/{file}"].name == file
    for job in config["scrape_configs"]:
        for discovery in job["dns_sd_configs"]:
            (name,) = discovery["names"]
            assert "internal" in services[name]["networks"], name


def test_grafana_finds_its_dashboards(services: Yaml) -> None:
    observability = services["observability"]
    mounts = _mounts(observability)
    provisioning = "/otel-lgtm/grafana/conf/provisioning/dashboards/cathouse.yaml"
    (provider,) = yaml.safe_load(mounts[provisioning].read_text())["providers"]
    folder = provider["options"]["path"]
    assert list(mounts[folder].glob("*.json"))
    home = observability["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (mounts[folder] / Path(home).relative_to(folder)).exists()


def test_the_swarm_has_the_same_node_exporter_and_the_files_of_its_prometheus() -> None:
    # The variables have values that deploy.sh sets.
    environment = dict.fromkeys(("CATHOUSE_TAG", "GATEWAY_REVISION", "PROMETHEUS_REVISION"), "1")
    files = ("services", "database", "valkey", "gateway", "prometheus")
    words = [f"--file=deploy/swarm/{file}.yaml" for file in files]
    result = run(
        "docker", "compose", *words, "config", "--format=json", environment=environment, seconds=60
    )
    assert result.returncode == 0, result.stdout
    config = json.loads(result.stdout)
    added = {name: config["services"][name] for name in ("prometheus", "node-exporter")}
    assert all(service["networks"].keys() == {"internal"} for service in added.values())
    assert not any("ports" in service for service in added.values())
    sources = {each["source"]: each["target"] for each in added["prometheus"]["configs"]}
    for source, target in sources.items():
        assert Path(target).name == Path(config["configs"][source]["file"]).name
    assert f"--config.file={sources['prometheus']}" in added["prometheus"]["command"]
    assert Path(sources["prometheus_rules"]).parent == Path(sources["prometheus"]).parent
    compose = yaml.safe_load((ROOT / FILES[1]).read_text())["services"]["node-exporter"]
    swarm = yaml.safe_load((ROOT / "deploy/swarm/prometheus.yaml").read_text())["services"]
    for key in ("image", "command", "user", "healthcheck"):
        assert swarm["node-exporter"][key] == compose[key], key


def test_node_exporter_reads_the_folder_of_recorded_successes(services: Yaml) -> None:
    exporter = services["node-exporter"]
    (folder,) = (
        word.partition("=")[2]
        for word in exporter["command"]
        if word.startswith("--collector.textfile.directory=")
    )
    assert _mounts(exporter)[folder] == ROOT / "deploy/prometheus/recorded"
