"""The outputs of the flake, for each system."""

import re
import tomllib
from typing import Any

import pytest

from .evaluation import ROOT, Project

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
    assert set(outputs) == {"packages", "apps", "checks", "devShells", "formatter"}
    for name, output in outputs.items():
        supported = {system for system, attributes in output.items() if attributes} & SYSTEMS
        assert supported == SYSTEMS, name


def test_every_system_has_the_services_and_the_images(
    outputs: dict[str, Any], registry: dict[str, Any]
) -> None:
    packages = {*registry, "default", "images", "kit", "migrate"}
    for system in SYSTEMS:
        assert set(outputs["packages"][system]) == packages
        assert set(outputs["apps"][system]) == {"default", "up", "demo", "load"}


def test_nix_build_alone_builds_every_program(project: Project, registry: dict[str, Any]) -> None:
    paths = project.evaluate(
        "map (each: each.name) outputs.packages.x86_64-linux.default.given.paths"
    )
    assert {path.rpartition("-")[0] for path in paths} == {
        f"cathouse-{name}" for name in (*registry, "migrate")
    }


def test_images_are_for_linux_on_every_system(project: Project) -> None:
    images = """
      map (image: "${image}") (builtins.attrValues (builtins.removeAttrs outputs.packages.SYSTEM.images
        [ "type" "name" "outPath" "given" ]))
    """
    assert project.evaluate(images.replace("SYSTEM", "aarch64-darwin")) == project.evaluate(
        images.replace("SYSTEM", "aarch64-linux")
    )


def test_nix_fmt_formats_nix_and_python(project: Project) -> None:
    formatter = project.evaluate("outputs.formatter.aarch64-darwin.given")
    assert {
        name: entry["includes"] for name, entry in formatter["settings"]["formatter"].items()
    } == {"nixfmt": ["*.nix"], "ruff": ["*.py"]}
    assert formatter["runtimeInputs"] == ["/store/nixfmt", "/store/ruff"]


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


def test_on_macos_the_finished_images_are_loaded(project: Project) -> None:
    scripts = project.evaluate(
        """
        let
          development = import (inputs.self.root + "/nix/development.nix") { inherit pkgs inputs; };
          pkgs = inputs.nixpkgs.legacyPackages.aarch64-darwin // {
            writeShellApplication = given: { name = "load"; outPath = given.text; };
            writeShellScript = name: script: script;
          };
          images = outputs.packages.aarch64-darwin.images;
        in
        (import (inputs.self.root + "/nix/apps.nix") {
          inherit pkgs development;
          images.byName = builtins.removeAttrs images [ "type" "name" "outPath" "given" ];
        }).load.program
        """
    )
    assert "[auth]=exec cat /store/cathouse-auth.tar.gz" in scripts


def test_the_checks_run_the_makefiles_commands(project: Project) -> None:
    checks = project.evaluate(
        "builtins.mapAttrs (_: check: check.given) outputs.checks.x86_64-linux"
    )
    assert "make test" in checks["tests"]["script"]
    assert "make check prose" in checks["lint"]["script"]
    assert "PROCESS_COMPOSE=process-compose python -m pytest" in checks["stack"]["script"]
    assert "process-compose --dry-run" in checks["process-compose"]["script"]
    for tool in ("nixfmt --check", "statix check", "deadnix --fail"):
        assert tool in checks["nix"]["script"]
    assert re.search(r"actionlint \S+workflows/\*\.yaml", checks["workflows"]["script"])
    for name in ("tests", "stack", "lint"):
        assert set(checks[name]["nativeBuildInputs"]) == {
            f"/store/{program}"
            for program in (
                "environment",
                "git",
                "gnumake",
                "postgresql_18",
                "process-compose",
                "procps",
                "util-linux",
                "codespell",
                "vale",
                "valkey",
                "caddy",
            )
        }


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
        }).tests.given.src
        """
    )
    assert source == '/without/[["md"],["nix"]]'
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


SHELL = "outputs.devShells.x86_64-linux.default.given"
DEVENV = "devenv { isTesting = false; }"


def test_the_shells_have_what_the_makefile_needs(project: Project) -> None:
    shell, devenv = project.evaluate(f"[ {SHELL} ({DEVENV}) ]")
    for name in ("environment", "postgresql_18", "process-compose", "gnumake", "git", "uv"):
        assert f"/store/{name}" in shell["packages"]
    assert shell["packages"] == [*devenv["packages"], "/store/devenv"]
    assert shell["shellHook"] == devenv["enterShell"]
    assert shell["env"] == devenv["env"]
    assert "export CATHOUSE_NIX=1" in shell["shellHook"]
    assert len(re.findall(r"^echo ", shell["shellHook"], re.MULTILINE)) == 3


def test_devenv_up_runs_the_projects_own_stack(project: Project) -> None:
    devenv = project.evaluate(DEVENV)
    assert devenv["process"]["manager"]["implementation"] == "process-compose"
    assert 'cd "$DEVENV_ROOT"' in devenv["process"]["manager"]["before"]
    manager = devenv["process"]["managers"]["process-compose"]
    assert manager["configFile"] == "/checkout/process-compose.yaml"
    makefile = (ROOT / "Makefile").read_text()
    assert "STATE := .state\nSOCKET := $(STATE)/process-compose.sock" in makefile
    assert manager["unixSocket"]["path"] == ".state/process-compose.sock"
    assert devenv["processes"] != {}


def test_devenv_test_starts_no_stack(project: Project) -> None:
    devenv = project.evaluate("devenv { isTesting = true; }")
    assert devenv["processes"] == {}
    assert devenv["enterTest"] == 'make --directory "$DEVENV_ROOT" test'


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
        for path in [*ROOT.glob("*/pyproject.toml"), *ROOT.glob("*/*/pyproject.toml")]
    }
    assert own <= set(packages)
    assert {"pytest", "ruff", "mypy", "import-linter", "hatchling"} <= set(packages)


def test_tests_of_a_tool_that_nixpkgs_lacks_are_left_out_and_exist(project: Project) -> None:
    shell = project.evaluate(SHELL)
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
