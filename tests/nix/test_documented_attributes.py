"""docs/reference/nix.md lists exactly the attributes of nixpkgs that the project uses."""

import re
import tomllib

from .evaluation import ROOT, attributes_in_documentation

SOURCES = "".join(
    path.read_text()
    for path in (*ROOT.glob("*.nix"), *ROOT.glob("nix/*.nix"), *ROOT.glob("images/*.nix"))
)


def test_attributes_of_nixpkgs() -> None:
    used = set(re.findall(r"\bpkgs\.([\w-]+)", SOURCES))
    for names in re.findall(r"inherit \(pkgs\) ([^;]+);", SOURCES):
        used |= set(names.split())
    assert used == attributes_in_documentation()["pkgs"]


def test_python_packages() -> None:
    projects = [
        tomllib.loads(path.read_text())
        for path in (*ROOT.glob("*/pyproject.toml"), *ROOT.glob("*/*/pyproject.toml"))
    ]
    requirements = (ROOT / "requirements/dev.in").read_text().splitlines()
    for project in projects:
        requirements += project["project"]["dependencies"] + project["build-system"]["requires"]
    asked = {match[0] for line in requirements if (match := re.match(r"[a-z][\w.-]*", line))}
    own = {project["project"]["name"] for project in projects}
    wheels = set(re.findall(r'pname = "([\w-]+)"', (ROOT / "nix/wheels.nix").read_text()))
    _, _, tail = SOURCES.partition("testsOf = {")
    left_out = set(re.findall(r"([\w-]+) = \[", tail.partition("};")[0]))
    by_name = {name for name in re.findall(r"\bset\.([\w-]+)", SOURCES) if name not in own}
    assert (
        asked - own - wheels - left_out | by_name - wheels
        == attributes_in_documentation()["python3Packages"]
    )
