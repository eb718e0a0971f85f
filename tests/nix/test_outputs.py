"""What the flake gives, and for whom."""

import re
import tomllib
from typing import Any

import pytest

from .conftest import ROOT, Project

SYSTEMS = {"x86_64-linux", "aarch64-linux", "aarch64-darwin"}


@pytest.fixture(scope="session")
def outputs(project: Project) -> dict[str, dict[str, list[str]]]:
    names: dict[str, dict[str, list[str]]] = project.evaluate(
        "builtins.mapAttrs (_: builtins.mapAttrs (_: builtins.attrNames)) outputs"
    )
    return names


def test_the_flake_only_wires() -> None:
    assert len((ROOT / "flake.nix").read_text().splitlines()) < 80


def test_all_systems_have_all_outputs(outputs: dict[str, Any]) -> None:
    assert set(outputs) == {"packages", "apps", "checks", "devShells"}
    for output in outputs.values():
        assert set(output) == SYSTEMS


def test_each_service_is_a_package_and_linux_has_images(
    outputs: dict[str, Any], registry: dict[str, Any]
) -> None:
    everywhere = {*registry, "kit", "migrate"}
    assert set(outputs["packages"]["aarch64-darwin"]) == everywhere
    assert set(outputs["packages"]["x86_64-linux"]) == everywhere | {"images"}
    assert set(outputs["packages"]["aarch64-linux"]) == everywhere | {"images"}
    assert set(outputs["apps"]["x86_64-linux"]) == {"default", "up", "demo", "load"}
    assert set(outputs["apps"]["aarch64-darwin"]) == {"default", "up", "demo"}


def test_a_service_is_run_by_its_name(project: Project, registry: dict[str, Any]) -> None:
    programs = project.evaluate(
        "builtins.mapAttrs (_: each: each.given) "
        '(builtins.removeAttrs outputs.packages.x86_64-linux [ "images" "kit" ])'
    )
    for name, entry in registry.items():
        assert programs[name]["meta"]["mainProgram"] == f"cathouse-{name}"
        assert f'--add-flags "-m {entry["package"]}"' in programs[name]["script"]
    assert "/bin/cathouse-migrate $out/bin/cathouse-migrate" in programs["migrate"]["script"]


def test_images_are_loaded_by_name(project: Project, registry: dict[str, Any]) -> None:
    program = project.evaluate(
        """
        let
          development = import (inputs.self.root + "/nix/development.nix") { inherit pkgs inputs; };
          pkgs = inputs.nixpkgs.legacyPackages.x86_64-linux // {
            writeShellApplication = given: { name = "load"; outPath = given.text; };
          };
          images = outputs.packages.x86_64-linux.images;
        in
        (import (inputs.self.root + "/nix/apps.nix") {
          inherit pkgs development;
          images.byName = builtins.removeAttrs images [ "type" "name" "outPath" "given" ];
        }).load.program
        """
    )
    streams = dict(re.findall(r"\[(\w+)\]=(\S+)", program.splitlines()[0]))
    assert streams == {
        name: f"/store/stream-cathouse-{name}" for name in (*registry, "migrate", "postgres")
    }


def test_the_checks_run_the_makefiles_words_in_the_sandbox(project: Project) -> None:
    checks = project.evaluate(
        "builtins.mapAttrs (_: check: check.given) outputs.checks.x86_64-linux"
    )
    assert "make test" in checks["tests"]["script"]
    assert "make check" in checks["lint"]["script"]
    assert "PROCESS_COMPOSE=process-compose python -m pytest" in checks["stack"]["script"]
    assert "process-compose --dry-run" in checks["process-compose"]["script"]
    for tool in ("nixfmt --check", "statix check", "deadnix --fail"):
        assert tool in checks["nix"]["script"]
    assert re.search(r"actionlint \S+workflows/\*\.yaml", checks["workflows"]["script"])
    for name in ("tests", "stack", "lint"):
        assert "/store/postgresql_18" in checks[name]["nativeBuildInputs"]
        assert "/store/environment" in checks[name]["nativeBuildInputs"]


def test_documentation_and_the_commit_are_in_no_check(project: Project) -> None:
    source = project.evaluate(
        """
        let
          remember = given: {
            outPath = "/without/" + builtins.toJSON given.fileset.without;
          };
          nixpkgs = inputs.nixpkgs.legacyPackages.x86_64-linux;
          pkgs = nixpkgs // {
            lib = nixpkgs.lib // {
              fileset = nixpkgs.lib.fileset // {
                toSource = given: if given.fileset ? without then remember given else "/store/source";
              };
            };
          };
          development = import (inputs.self.root + "/nix/development.nix") { inherit pkgs inputs; };
        in
        (import (inputs.self.root + "/nix/checks.nix") {
          inherit pkgs development;
          images.byName = { };
          shell = { };
        }).tests.given.script
        """
    )
    assert 'cp -r /without/[["md"],["nix"],"docs"] ' in source
    here, there = (
        project.evaluate(
            "map (image: image.conf.given.config) (builtins.attrValues "
            '(import (inputs.self.root + "/images") { '
            'pkgs = inputs.nixpkgs.legacyPackages.x86_64-linux; revision = "unknown"; created = "0";'
            'inherit (import (inputs.self.root + "/nix/development.nix") '
            "{ pkgs = inputs.nixpkgs.legacyPackages.x86_64-linux; inherit inputs; }) project python;"
            "}).byName)",
            revision=revision,
        )
        for revision in ("one", "two")
    )
    assert here == there


def test_the_shell_has_what_the_makefile_needs(project: Project) -> None:
    shell = project.evaluate("outputs.devShells.x86_64-linux.default.given")
    for name in (
        "environment",
        "postgresql_18",
        "process-compose",
        "gnumake",
        "uv",
        "docker-client",
    ):
        assert f"/store/{name}" in shell["packages"]
    assert "export CATHOUSE_NIX=1" in shell["enterShell"]
    assert shell["enterTest"] == "make test"
    assert shell["git-hooks"]["hooks"]["check"]["entry"] == "make check"
    assert len(re.findall(r"^echo ", shell["enterShell"], re.MULTILINE)) == 3


def test_devenv_up_runs_the_projects_own_stack(project: Project) -> None:
    shell = project.evaluate("outputs.devShells.x86_64-linux.default.given")
    assert shell["process"]["manager"]["implementation"] == "process-compose"
    manager = shell["process"]["managers"]["process-compose"]
    assert manager["configFile"] == "/checkout/process-compose.yaml"
    makefile = (ROOT / "Makefile").read_text()
    assert "SOCKET := $(STATE)/process-compose.sock" in makefile
    assert manager["unixSocket"]["path"] == "/checkout/.state/process-compose.sock"


def test_the_development_environment_has_every_distribution(project: Project) -> None:
    packages = project.evaluate(
        """
        (import (inputs.self.root + "/nix/development.nix") {
          pkgs = inputs.nixpkgs.legacyPackages.x86_64-linux;
          inherit inputs;
        }).python.tested.given.packages
        """
    )
    own = {
        tomllib.loads(path.read_text())["project"]["name"]
        for path in [ROOT / "kit/pyproject.toml", *ROOT.glob("*/*/pyproject.toml")]
    }
    assert own <= set(packages)
    assert {"pytest", "ruff", "mypy", "import-linter", "hatchling"} <= set(packages)


def test_tests_of_a_tool_that_nixpkgs_lacks_are_left_out_and_exist(project: Project) -> None:
    shell = project.evaluate("outputs.devShells.x86_64-linux.default.given")
    options = shell["env"]["PYTEST_ADDOPTS"]
    for option in options.split():
        path, _, test = option.partition("=")[2].partition("::")
        assert f"def {test}" in (ROOT / path).read_text()
    assert "--ignore=tests/contracts/test_openapi_descriptions.py" in options
    checks = project.evaluate("outputs.checks.x86_64-linux.tests.given.script")
    assert options in checks


def test_the_shell_runs_the_checkout_and_the_checks_run_what_is_shipped(project: Project) -> None:
    roots, paths = project.evaluate(
        """
        let
          pkgs = inputs.nixpkgs.legacyPackages.x86_64-linux;
          python = (import (inputs.self.root + "/nix/development.nix") { inherit pkgs inputs; }).python;
        in
        [
          (map (each: each.given.root or null) (python.development "/checkout").given.distributions)
          (map (each: each.given.root or null) python.tested.given.distributions)
        ]
        """
    )
    assert "/checkout/kit" in roots
    assert "/checkout/services/auth" in roots
    assert set(paths) == {None}


def test_programs_start_the_environments_python_and_no_other(project: Project) -> None:
    wrapped = project.evaluate(
        """
        let
          pkgs = inputs.nixpkgs.legacyPackages.x86_64-linux;
          python = (import (inputs.self.root + "/nix/development.nix") { inherit pkgs inputs; }).python;
          own = builtins.filter (each: each.given ? pname);
        in
        {
          shipped = map (each: each.given.dontWrapPythonPrograms or false)
            (own (python.environment [ "cathouse-stack" "process-compose-python" ]).given.distributions);
          editable = map (each: each.given.derivationArgs.dontWrapPythonPrograms or false)
            (own (builtins.filter (each: each.given ? root) (python.development "/checkout").given.distributions));
        }
        """
    )
    assert wrapped["shipped"] == [True, True]
    assert set(wrapped["editable"]) == {True}
