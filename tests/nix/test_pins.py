"""flake.nix, flake.lock and devenv.yaml say the same."""

import base64
import json
import re

import yaml

from .conftest import ROOT


def test_the_lock_is_complete_and_has_nothing_else() -> None:
    nodes = json.loads((ROOT / "flake.lock").read_text())["nodes"]
    inputs = nodes["root"]["inputs"]
    text = (ROOT / "flake.nix").read_text()
    assert set(inputs) == {"nixpkgs", "devenv", "pyproject-nix"}
    for name in inputs:
        original = nodes[inputs[name]]["original"]
        url = "/".join(original[key] for key in ("owner", "repo", "ref") if key in original)
        assert f'"github:{url}"' in text
    reached, waiting = set(), ["root"]
    while waiting:
        node = waiting.pop()
        reached.add(node)
        waiting += [
            name
            for name in nodes[node].get("inputs", {}).values()
            if isinstance(name, str) and name not in reached
        ]
    assert reached == set(nodes)
    assert all(
        re.fullmatch(r"sha256-[A-Za-z0-9+/]{43}=", node["locked"]["narHash"])
        for name, node in nodes.items()
        if name != "root"
    )


def test_devenv_pins_the_same_revisions() -> None:
    nodes = json.loads((ROOT / "flake.lock").read_text())["nodes"]
    inputs = yaml.safe_load((ROOT / "devenv.yaml").read_text())["inputs"]
    assert set(inputs) == {"nixpkgs", "pyproject-nix", "git-hooks"}
    for name, entry in inputs.items():
        locked = nodes[name]["locked"]
        assert entry["url"] == f"github:{locked['owner']}/{locked['repo']}/{locked['rev']}"


def test_wheels_are_those_that_are_installed_without_nix() -> None:
    wheels = (ROOT / "nix/wheels.nix").read_text()
    lock = (ROOT / "requirements/dev.txt").read_text()
    for name, version in re.findall(r'pname = "([\w-]+)";\s+version = "([\d.]+)"', wheels):
        assert f"{name}=={version} " in lock
    hashes = re.findall(r'hash = "sha256-(\S+)"', wheels)
    assert len(hashes) == 5
    for encoded in hashes:
        assert f"sha256:{base64.b64decode(encoded).hex()}" in lock
