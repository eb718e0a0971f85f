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
    assert found["ports"] == [
        f"${{CATHOUSE_BIND:-127.0.0.1}}:${{{service.port_variable}:-{service.port}}}:{service.port}"
    ]
    assert found["environment"][service.url_variable] == f"http://{service.name}:{service.port}"
    assert found["secrets"] == [
        "service_token", {"source": f"{service.name}_database_url", "target": "database_url"}
    ]  # fmt: skip


def test_compose_runs_nothing_else() -> None:
    assert set(_load("compose.yaml")["services"]) == {
        *NAMES,
        "postgres",
        "secrets",
        "roles",
        "migrate",
        "prune-audit",
    }


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
    ports = _load("deploy/swarm/ingress.yaml")["services"][service.name]["ports"]
    assert ports == [f"{service.port}:{service.port}"]


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
