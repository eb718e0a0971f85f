"""compose.yaml, compose.dev.yaml, the swarm's files and images/Dockerfile have the services of services.toml."""

import re
from typing import Any

import pytest
import yaml
from cathouse_deployment.roles import connection_limit
from cathouse_kit.registry import Service

from .engine import NAMES, ROOT, SERVICES

Yaml = dict[str, Any]


def _load(path: str) -> Yaml:
    found: Yaml = yaml.safe_load((ROOT / path).read_text())
    return found


@pytest.fixture(params=SERVICES, ids=lambda service: service.name)
def service(request: pytest.FixtureRequest) -> Service:
    found: Service = request.param
    return found


def test_compose_runs_each_service(service: Service) -> None:
    found = _load("compose.yaml")["services"][service.name]
    assert (
        found["image"] == f"${{CATHOUSE_REGISTRY:-}}cathouse-{service.name}:${{CATHOUSE_TAG:-dev}}"
    )
    assert found["build"]["target"] == service.name
    assert "ports" not in found
    assert found["environment"][service.url_variable] == f"http://{service.name}:{service.port}"
    assert found["secrets"] == [
        "service_token", {"source": f"{service.name}_database_url", "target": "database_url"}
    ]  # fmt: skip


def test_compose_runs_nothing_else() -> None:
    assert set(_load("compose.yaml")["services"]) == {
        *NAMES,
        "gateway",
        "postgres",
        "valkey",
        "secrets",
        "roles",
        "migrate",
        "prune-audit",
        "backup",
    }


def test_the_daily_backup_of_compose_reaches_only_the_database() -> None:
    composed = _load("compose.yaml")
    found, database = composed["services"]["backup"], composed["services"]["postgres"]
    assert found["profiles"] == ["backup"], "`docker compose up` must not start it"
    assert found["networks"] == ["database"]
    assert found["secrets"] == database["secrets"]
    assert found["image"] == database["image"], "another version could not dump its database"
    assert found["read_only"]
    assert found["cap_drop"] == ["ALL"]
    assert "cap_add" not in found
    assert found["user"] == "65532:65532"


def test_the_daily_backup_of_the_swarm_is_that_of_compose() -> None:
    composed, swarm = _load("compose.yaml"), _load("deploy/swarm/backup.yaml")
    found, same = swarm["services"]["backup"], composed["services"]["backup"]
    for key in ("image", "entrypoint", "environment", "networks", "read_only", "cap_drop", "user"):
        assert found[key] == same[key], key
    (place,) = found["deploy"]["placement"]["constraints"]
    database = _load("deploy/swarm/database.yaml")["services"]["postgres"]
    assert [place] == database["deploy"]["placement"]["constraints"]
    networks = _load("deploy/swarm/services.yaml")["networks"]
    assert swarm["networks"]["database"] == networks["database"]


def test_development_mounts_the_sources_of_each(service: Service) -> None:
    services = _load("compose.dev.yaml")["services"]
    assert services[service.name]["command"] == ["serve", "--reload"]
    assert f"./services/{service.name}:/source/service:ro" in services[service.name]["volumes"]
    assert f"/source/services/{service.name}" in services["migrate"]["environment"][
        "PYTHONPATH"
    ].split(":")


def test_the_swarm_runs_each_service(service: Service) -> None:
    stack = _load("deploy/swarm/services.yaml")["services"]
    assert set(stack) == set(NAMES)
    assert stack[service.name]["image"].startswith(
        f"${{CATHOUSE_REGISTRY:-}}cathouse-{service.name}:"
    )
    assert (
        stack[service.name]["environment"][service.url_variable]
        == f"http://{service.name}:{service.port}"
    )
    assert "ports" not in stack[service.name]


@pytest.mark.parametrize("path", ["compose.yaml", "deploy/swarm/gateway.yaml"])
def test_the_gateway_leads_to_each_service(path: str, service: Service) -> None:
    environment = _load(path)["services"]["gateway"]["environment"]
    assert environment[f"{service.name.upper()}_UPSTREAM"] == f"{service.name}:{service.port}"


def test_the_gateway_of_the_swarm_has_all_files_of_the_site() -> None:
    configs = _load("deploy/swarm/gateway.yaml")["configs"]
    files = {each["file"].removeprefix("../gateway/") for each in configs.values()}
    site = {f"site/{path.name}" for path in (ROOT / "deploy/gateway/site").iterdir()}
    assert files == site | {"Caddyfile"}


@pytest.mark.parametrize("deployment", ["compose", "swarm"])
def test_prometheus_has_a_job_for_each_service(deployment: str, service: Service) -> None:
    jobs = {job["job_name"]: job for job in _scrape_configs(deployment)}
    assert list(jobs) == [*NAMES, "node"]
    (discovery,) = jobs[service.name]["dns_sd_configs"]
    name = {"compose": service.name, "swarm": f"tasks.{service.name}"}[deployment]
    assert (discovery["names"], discovery["type"]) == ([name], "A")
    assert discovery["port"] == service.port


def _scrape_configs(deployment: str) -> list[Yaml]:
    found: list[Yaml] = _load(f"deploy/prometheus/{deployment}.yaml")["scrape_configs"]
    return found


def test_services_trust_the_network_of_the_gateway_alone() -> None:
    compose, swarm = _load("compose.yaml"), _load("deploy/swarm/services.yaml")
    for stack in (compose, swarm):
        (config,) = stack["networks"]["internal"]["ipam"]["config"]
        for name in NAMES:
            environment = stack["services"][name]["environment"]
            assert environment["FORWARDED_ALLOW_IPS"] == config["subnet"]
    for file in ("gateway", "valkey", "prometheus"):
        network = _load(f"deploy/swarm/{file}.yaml")["networks"]["internal"]
        assert network == swarm["networks"]["internal"], file


@pytest.mark.parametrize("file", ["services", "jobs", "gateway", "valkey", "prometheus", "backup"])
def test_containers_of_the_swarm_can_write_to_tmp(file: str) -> None:
    for name, service in _load(f"deploy/swarm/{file}.yaml")["services"].items():
        assert "tmpfs" not in service, name
        assert {"type": "tmpfs", "target": "/tmp"} in service["volumes"], name


def test_one_service_builds_each_image_of_compose() -> None:
    services = _load("compose.yaml")["services"].values()
    built = [each["image"] for each in services if "build" in each]
    assert len(built) == len(set(built))
    ours = {each["image"] for each in services if "cathouse-" in each["image"]}
    assert set(built) == ours


def test_settings_of_the_operator_reach_each_service(service: Service) -> None:
    settings = {
        "CORS_ORIGINS", "LOG_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS",
        "RATE_LIMIT_STORAGE",
    }  # fmt: skip
    for path in ("compose.yaml", "deploy/swarm/services.yaml"):
        environment = _load(path)["services"][service.name]["environment"]
        for setting in settings:
            assert environment[setting].startswith(f"${{{setting}:-"), (path, setting)


def test_roles_gets_each_database_url_and_migrate_those_of_the_owners_alone() -> None:
    roles = {role for service in SERVICES for role in service.database_roles}
    owners = {service.owner_role for service in SERVICES}
    for path in ("compose.yaml", "deploy/swarm/jobs.yaml"):
        for name, wanted in (("roles", roles), ("migrate", owners)):
            secrets = {
                secret["source"]: secret["target"]
                for secret in _load(path)["services"][name]["secrets"]
                if isinstance(secret, dict) and secret["source"].endswith("_database_url")
            }
            assert secrets == {
                f"{role}_database_url": f"/run/secrets/{role}/database_url" for role in wanted
            }, (path, name)


@pytest.mark.parametrize(
    ("postgres", "jobs"),
    [("compose.yaml", "compose.yaml"), ("deploy/swarm/database.yaml", "deploy/swarm/jobs.yaml")],
    ids=["compose", "swarm"],
)
def test_postgresql_accepts_all_connections_of_the_roles(postgres: str, jobs: str) -> None:
    def by_default(value: str) -> str:
        return re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)

    environment = _load(jobs)["services"]["roles"]["environment"]
    limit = connection_limit({name: by_default(value) for name, value in environment.items()})
    assert limit
    command = _load(postgres)["services"]["postgres"]["command"]
    (has,) = (word for word in map(by_default, command) if word.startswith("max_connections="))
    assert int(has.removeprefix("max_connections=")) >= limit * len(SERVICES) + 12


def test_the_pruner_has_its_own_database_url() -> None:
    found = _load("compose.yaml")["services"]["prune-audit"]
    assert found["secrets"][1:] == [
        {"source": "proxy_pruner_database_url", "target": "/run/secrets/proxy_pruner/database_url"}
    ]
    assert found["profiles"], "`docker compose up` must not start it"


def test_the_dockerfile_makes_each_image(service: Service) -> None:
    text = (ROOT / "images/Dockerfile").read_text()
    target = re.search(
        rf"^FROM runtime AS {service.name}$(.*?)(?=^FROM |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert target
    assert f"HOST=0.0.0.0 PORT={service.port}\nEXPOSE {service.port}\n" in target[1]
    assert '["python", "-m", "cathouse_kit.healthcheck"]' in target[1]
    assert f'title="cathouse-{service.name}"' in target[1]
    assert f'description="{service.description}"' in target[1]
