"""The arguments of nixpkgs' image builder."""

import itertools
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from .evaluation import ROOT, Project

Given = dict[str, Any]
ONE_SHOTS_AND_SERVERS = {"migrate", "postgres"}


@pytest.fixture(scope="session")
def images(project: Project) -> dict[str, Given]:
    given: dict[str, Given] = project.evaluate(
        """
        builtins.mapAttrs (_: image: image.conf.given // {
          bill = image.billOfMaterials.given.script;
          stream = image.stream.given;
          tarball = image.given.script;
        })
          (builtins.removeAttrs outputs.packages.x86_64-linux.images
            [ "type" "name" "outPath" "given" ])
        """,
        revision="0123abc",
    )
    return given


def environment(image: Given) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in image["config"]["Env"])


def groups(pipeline: list[Any]) -> Iterator[list[str]]:
    """Return the roots of each layer, from the lowest."""
    (operation, roots), *rest = pipeline
    assert operation == "subcomponent_out"
    yield roots
    for over, part, (pipe, inner) in rest:
        assert (over, part, pipe) == ("over", "rest", "pipe")
        yield from groups(inner)


def test_there_is_an_image_for_each_service_the_migrations_and_postgresql(
    images: dict[str, Given], registry: dict[str, Given]
) -> None:
    assert set(images) == {*registry, *ONE_SHOTS_AND_SERVERS}


def test_a_service_listens_on_its_port_of_the_registry(
    images: dict[str, Given], registry: dict[str, Given]
) -> None:
    for name, entry in registry.items():
        config, port = images[name]["config"], str(entry["port"])
        assert config["ExposedPorts"] == {f"{port}/tcp": {}}
        assert environment(images[name])["PORT"] == port
        assert environment(images[name])["HOST"] == "0.0.0.0"


def test_a_service_is_the_first_process_and_serves_unless_told_otherwise(
    images: dict[str, Given], registry: dict[str, Given]
) -> None:
    for name, entry in registry.items():
        config = images[name]["config"]
        assert config["Entrypoint"] == ["python", "-m", entry["package"]]
        assert config["Cmd"] == ["serve"]
        assert "StopSignal" not in config


def test_the_health_check_of_each_service_is_that_of_the_kit(
    images: dict[str, Given], registry: dict[str, Given]
) -> None:
    for name in registry:
        health = images[name]["config"]["Healthcheck"]
        assert health == {
            "Test": ["CMD", "python", "-m", "cathouse_kit.healthcheck"],
            "Interval": 10 * 10**9,
            "Timeout": 6 * 10**9,
            "StartPeriod": 30 * 10**9,
            "Retries": 3,
        }


def test_every_image_runs_as_the_same_ordinary_user(images: dict[str, Given]) -> None:
    assert {image["config"]["User"] for image in images.values()} == {"65532:65532"}


def test_the_labels_say_what_it_is_and_from_which_commit(images: dict[str, Given]) -> None:
    for name, image in images.items():
        folder = ROOT / ("tools" if name in ONE_SHOTS_AND_SERVERS else "services") / name
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        labels = image["config"]["Labels"]
        assert labels == {
            "org.opencontainers.image.title": f"cathouse-{name}",
            "org.opencontainers.image.description": project["description"],
            "org.opencontainers.image.version": project["version"],
            "org.opencontainers.image.revision": "0123abc",
            "org.opencontainers.image.source": project["urls"]["Source"],
            "org.opencontainers.image.licenses": project["license"],
        }
        assert image["name"] == f"cathouse-{name}"
        assert image["created"] == "@1789114715"


def test_an_image_of_an_unknown_commit_says_so(project: Project) -> None:
    labels = project.evaluate("outputs.packages.x86_64-linux.images.auth.conf.given.config.Labels")
    assert labels["org.opencontainers.image.revision"] == "unknown"


def test_no_secret_has_a_value(images: dict[str, Given]) -> None:
    for image in images.values():
        names = {name.lower() for name in environment(image)}
        assert not [name for name in names if "token" in name or "password" in name]
        assert "database_url" not in names
        assert "@127.0.0.1" in environment(image).get("POSTGRES_URL", "postgres@127.0.0.1")


def test_layers_go_from_the_interpreter_over_shared_packages_to_the_images_own(
    images: dict[str, Given], registry: dict[str, Given]
) -> None:
    for name, image in images.items():
        interpreter, shared, kit, own = groups(image["layeringPipeline"])
        assert interpreter == ["/store/python3"]
        assert "/store/fastapi" in shared
        assert "/store/sqlalchemy" in shared
        assert kit == ["/store/cathouse-kit"]
        assert f"/store/cathouse-{name}" not in itertools.chain(interpreter, shared, kit, own)
    assert "/store/aiohttp" in list(groups(images["proxy"]["layeringPipeline"]))[-1]
    assert "/store/postgresql_18" in list(groups(images["postgres"]["layeringPipeline"]))[-1]
    below = [list(groups(image["layeringPipeline"]))[:3] for image in images.values()]
    assert all(each == below[0] for each in below)


def test_an_image_holds_its_own_distribution_and_no_other(
    project: Project, registry: dict[str, Given]
) -> None:
    roots = project.evaluate(
        """
        builtins.mapAttrs
          (_: service: service.given.script)
          (builtins.removeAttrs outputs.packages.x86_64-linux [ "default" "images" "kit" ])
        """
    )
    assert set(roots) == {*registry, "migrate"}
    packages = project.evaluate(
        """
        let
          development = import (inputs.self.root + "/nix/development.nix") {
            pkgs = inputs.nixpkgs.legacyPackages.x86_64-linux;
            inherit inputs;
          };
        in
        map (name: (development.python.environment [ name ]).given.packages)
          (builtins.attrNames development.project.distributions)
        """
    )
    assert all(len(each) == 1 for each in packages)


def test_the_service_images_add_no_program_to_their_closure(
    images: dict[str, Given], registry: dict[str, Given]
) -> None:
    for name in registry:
        assert environment(images[name])["PATH"] == "/store/environment/bin"
        assert images[name]["extraCommands"] == images[name]["fakeRootCommands"] == ""


def test_migrations_find_the_registry_where_they_run(images: dict[str, Given]) -> None:
    config = images["migrate"]["config"]
    assert config["Entrypoint"] == ["cathouse-migrate"]
    assert config["WorkingDir"] == "/srv"
    assert "srv/services.toml" in images["migrate"]["extraCommands"]
    assert not {"Cmd", "Healthcheck", "ExposedPorts"} & config.keys()
    assert not {"HOST", "PORT"} & environment(images["migrate"]).keys()


def test_the_database_keeps_its_data_in_a_volume_of_its_user(images: dict[str, Given]) -> None:
    image = images["postgres"]
    config = image["config"]
    assert config["Volumes"] == {"/var/lib/postgresql": {}}
    assert "chown 65532:65532 var/lib/postgresql" in image["fakeRootCommands"]
    assert config["ExposedPorts"] == {"5432/tcp": {}}
    assert config["Entrypoint"][0] == "python"
    assert config["Entrypoint"][1].endswith("-postgres.py")
    assert config["Cmd"] == ["postgres"]
    assert config["StopSignal"] == "SIGINT"
    assert config["Healthcheck"]["Test"] == ["CMD", "cathouse-postgres", "ready"]
    assert environment(image)["PATH"].endswith(":/store/postgresql_18/bin")


def test_each_has_a_bill_of_materials_beside_it(project: Project, images: dict[str, Given]) -> None:
    files = project.evaluate(
        "builtins.attrNames outputs.packages.x86_64-linux.images.given.entries"
    )
    assert sorted(files) == sorted(
        f"{name}.{end}" for name in images for end in ("cdx.json", "tar.gz")
    )
    for name, image in images.items():
        version = image["config"]["Labels"]["org.opencontainers.image.version"]
        assert f"bill_of_materials.py cathouse-{name} {version}" in " ".join(image["bill"].split())


def test_loaded_and_built_images_are_the_same_without_unused_files(
    images: dict[str, Given],
) -> None:
    for name, image in images.items():
        assert re.search(rf"/store/whole-cathouse-{name} .*\| .*-prune_layers.py", image["stream"])
        assert image["tarball"] == f"/store/stream-cathouse-{name} | gzip -n > $out"
