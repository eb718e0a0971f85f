"""Mistakes lead to an evaluation error that names the mistake and its fix."""

import json
import shutil

import pytest

from .evaluation import EvaluationError, Project

DEVELOPMENT = """
    (import (inputs.self.root + "/nix/development.nix") {
      pkgs = inputs.nixpkgs.legacyPackages.x86_64-linux;
      inherit inputs;
    })"""
DEVELOPERS = "map (each: each.given) outputs.checks.x86_64-linux.tests.given.nativeBuildInputs"
ANY = "outputs.packages.x86_64-linux.auth.given"


def refusal(project: Project, expression: str = ANY) -> str:
    with pytest.raises(EvaluationError) as error:
        project.evaluate(expression)
    return str(error.value)


def test_a_service_without_a_folder(changed: Project) -> None:
    shutil.rmtree(changed.root / "services/catalog")
    message = refusal(changed)
    assert "services.toml has [catalog], and there is no services/catalog/pyproject.toml" in message
    assert "git add" in message


def test_a_folder_without_an_entry(changed: Project) -> None:
    shutil.copytree(changed.root / "services/catalog", changed.root / "services/unlisted")
    message = refusal(changed)
    assert (
        "services/unlisted is a service that services.toml does not have: add [unlisted]" in message
    )


def test_a_dependency_that_nixpkgs_lacks(changed: Project) -> None:
    del changed.python_packages["argon2-cffi"]
    message = refusal(
        changed, "outputs.packages.x86_64-linux.images.auth.conf.given.layeringPipeline"
    )
    assert (
        "services/auth/pyproject.toml asks for argon2-cffi, and nixpkgs' python3Packages has none"
        in message
    )
    assert "do without it" in message


def test_a_developers_tool_that_nixpkgs_lacks(changed: Project) -> None:
    del changed.python_packages["hypothesis"]
    message = refusal(changed, DEVELOPERS)
    assert (
        "requirements/dev.in asks for hypothesis, and nixpkgs' python3Packages has none" in message
    )


def test_a_dependency_that_is_too_old_in_nixpkgs(changed: Project) -> None:
    changed.python_packages["fastapi"] = "0.100.1"
    message = refusal(
        changed, "outputs.packages.x86_64-linux.images.auth.conf.given.layeringPipeline"
    )
    assert (
        "kit/pyproject.toml asks for another fastapi than 0.100.1, which is what nixpkgs has"
        in message
    )
    assert "widen the range" in message


@pytest.mark.parametrize(
    "attribute",
    ["devShells.SYSTEM.default", "packages.SYSTEM.default", "packages.SYSTEM.images"],
)
def test_a_system_that_is_not_supported(project: Project, attribute: str) -> None:
    attribute = attribute.replace("SYSTEM", "riscv64-linux")
    message = refusal(project, f"outputs.{attribute}.drvPath")
    assert "supports x86_64-linux, aarch64-linux, aarch64-darwin, not riscv64-linux" in message
    assert "add it to nix/systems.nix" in message


def test_flake_show_lists_a_system_that_is_not_supported(project: Project) -> None:
    """`nix flake show` evaluates these parts for every system, and ends at the first error."""
    found = project.evaluate(
        """
        {
          packages = builtins.mapAttrs (_: each: { inherit (each) type name; }) outputs.packages.riscv64-linux;
          shells = builtins.mapAttrs (_: each: { inherit (each) type name; }) outputs.devShells.riscv64-linux;
          apps = builtins.mapAttrs (_: builtins.mapAttrs (_: app: app.type)) outputs.apps;
        }
        """
    )
    refused = {"type": "derivation", "name": "cat-house-not-for-riscv64-linux"}
    assert found["packages"] == {"default": refused, "images": refused}
    assert found["shells"] == {"default": refused}
    assert {kind for apps in found["apps"].values() for kind in apps.values()} == {"app"}


def test_a_devenv_lock_with_another_nixpkgs(changed: Project) -> None:
    file = changed.root / "devenv.lock"
    lock = json.loads(file.read_text())
    lock["nodes"]["nixpkgs"]["locked"]["rev"] = 40 * "f"
    file.write_text(json.dumps(lock))
    message = refusal(changed, "outputs.checks.x86_64-linux.pins.name")
    assert (
        "devenv.lock pins another nixpkgs than flake.lock: run nix/update-locks --no-fetch"
        in message
    )


def test_an_interpreter_without_wheels(changed: Project) -> None:
    file = changed.root / "nix/wheels.nix"
    file.write_text(file.read_text().replace("cp313 = {", "cp312 = {"))
    message = refusal(
        changed,
        f"map (each: map toString (each.given.dependencies or [ ])) {DEVELOPMENT}.python.tested.given.distributions",
    )
    assert "nix/wheels.nix has grimp for cp312 and cp314, and nixpkgs' python3 is 3.13" in message
    assert "add the hashes of its wheels for cp313" in message


def test_an_alias_that_throws_is_not_a_package(changed: Project) -> None:
    changed.removed_packages = ["hypothesis"]
    message = refusal(changed, DEVELOPERS)
    assert "requirements/dev.in asks for hypothesis" in message
