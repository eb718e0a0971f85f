"""The services have the properties in `services.toml`.

Other tests check that rendered files are current. These tests find errors in the templates.
"""

import importlib
import tomllib
from importlib.metadata import entry_points, requires
from pathlib import Path

import yaml
from cathouse_kit.registry import Service
from cathouse_kit.settings import ServiceSettings
from cathouse_scaffold.imports import import_rules
from process_compose.expansion import expand

ROOT = Path(__file__).parents[2]


def test_the_folders_are_the_registered_services(services: tuple[Service, ...]) -> None:
    folders = {path.parent.name for path in (ROOT / "services").glob("*/pyproject.toml")}
    assert folders == {service.name for service in services}


def test_each_folder_has_the_same_shape(service: Service) -> None:
    folder = ROOT / "services" / service.name
    for name in (
        "README.md",
        ".env.example",
        "pyproject.toml",
        "tests",
        *(
            f"{service.package}/{part}"
            for part in (
                "__main__.py",
                "main.py",
                "settings.py",
                "routers",
                "services",
                "models",
                "schemas",
                "migrations/versions",
            )
        ),
    ):
        assert (folder / name).exists(), f"{folder.name} has no {name}"


def test_the_package_says_what_the_registry_says(service: Service) -> None:
    project = tomllib.loads((ROOT / "services" / service.name / "pyproject.toml").read_text())[
        "project"
    ]
    assert project["name"] == service.package.replace("_", "-")
    assert project["description"] == service.description
    points = {point.name: point.value for point in entry_points(group="cathouse.services")}
    assert points[service.name] == service.package


def test_settings_default_to_the_registry(
    service: Service, services: tuple[Service, ...], settings_class: type[ServiceSettings]
) -> None:
    fields = settings_class.model_fields
    assert fields["service_name"].default == service.name
    assert fields["port"].default == service.port
    for other in services:
        url = fields.get(other.url_variable.lower())
        if url is not None:
            assert url.default == f"http://127.0.0.1:{other.port}"
        else:
            assert other.name not in service.calls


def test_the_service_has_clients_for_its_declared_calls(
    service: Service, settings: ServiceSettings
) -> None:
    app = importlib.import_module(f"{service.package}.main").create_app(settings)
    assert set(app.state.context.clients) == set(service.calls)
    assert app.state.context.migrations.schema == service.schema


def test_the_env_example_lists_every_setting(
    service: Service, settings_class: type[ServiceSettings]
) -> None:
    example = (ROOT / "services" / service.name / ".env.example").read_text()
    listed = {line.lstrip("# ").partition("=")[0] for line in example.splitlines() if "=" in line}
    assert listed >= {name.upper() for name in settings_class.model_fields}


def test_the_development_stack_runs_each_service_on_its_port(
    service: Service, services: tuple[Service, ...]
) -> None:
    text = (ROOT / "process-compose.yaml").read_text()
    assert f"${{{service.port_variable}:-{service.port}}}" in text
    stack = yaml.safe_load(expand(text, {}))
    process = stack["processes"][service.name]
    assert process["command"] == f"exec python -m {service.package} serve --reload"
    assert process["working_dir"] == f"services/{service.name}"
    assert process["description"] == service.description
    assert f"PORT={service.port}" in process["environment"]
    assert process["readiness_probe"]["http_get"]["port"] == str(service.port)
    assert f"{service.url_variable}=http://127.0.0.1:{service.port}" in stack["environment"]
    ready = stack["processes"]["ready"]["depends_on"]
    assert ready[service.name] == {"condition": "process_healthy"}


def test_tools_that_go_through_all_services_depend_on_each(service: Service) -> None:
    assert service.package.replace("_", "-") in (requires("cathouse-migrate") or [])


def test_the_installer_knows_each_service(service: Service) -> None:
    assert f"-e ./services/{service.name}" in (ROOT / "requirements/packages.txt").read_text()


def test_the_import_contracts_name_every_package(services: tuple[Service, ...]) -> None:
    linter = tomllib.loads(import_rules(ROOT))["tool"]["importlinter"]
    below_all, on_the_kit, independent, layered, *_ = linter["contracts"]
    projects = [p.parent for level in ("*", "*/*") for p in ROOT.glob(f"{level}/pyproject.toml")]
    packages = {
        package
        for project in projects
        for package in tomllib.loads((project / "pyproject.toml").read_text())["tool"]["hatch"][
            "build"
        ]["targets"]["wheel"]["packages"]
    }
    assert set(linter["root_packages"]) == packages
    below = {"cathouse_kit", "cathouse_platform"}
    assert set(below_all["source_modules"]) == below
    assert set(below_all["forbidden_modules"]) == packages - below
    assert on_the_kit["layers"] == ["cathouse_platform", "cathouse_kit"]
    assert set(independent["modules"]) == packages - below
    assert set(layered["containers"]) == {service.package for service in services}
