"""flake.lock and devenv.lock have the inputs of flake.nix and devenv.yaml, at the same revisions."""

import base64
import json
import re
from typing import Any

import pytest
import yaml

from .evaluation import ROOT


def nodes_of(lock: str) -> dict[str, Any]:
    nodes: dict[str, Any] = json.loads((ROOT / lock).read_text())["nodes"]
    return nodes


def inputs_of_the_flake() -> dict[str, str]:
    text = (ROOT / "flake.nix").read_text()
    return dict(re.findall(r'([\w-]+)(?:\.url = | = \{\s+url = )"([^"]+)"', text))


def inputs_of_devenv() -> dict[str, str]:
    inputs = yaml.safe_load((ROOT / "devenv.yaml").read_text())["inputs"]
    return {name: entry["url"] for name, entry in inputs.items()}


@pytest.mark.parametrize(
    ("lock", "inputs"),
    [("flake.lock", inputs_of_the_flake()), ("devenv.lock", inputs_of_devenv())],
)
def test_a_lock_has_each_input_and_nothing_else(lock: str, inputs: dict[str, str]) -> None:
    nodes = nodes_of(lock)
    assert nodes.pop("root")["inputs"] == {name: name for name in inputs}
    assert set(nodes) == set(inputs)
    for name, url in inputs.items():
        original, locked = nodes[name]["original"], nodes[name]["locked"]
        path = "/".join(original[key] for key in ("owner", "repo", "ref") if key in original)
        folder = f"?dir={original['dir']}" if "dir" in original else ""
        assert url == f"github:{path}{folder}"
        assert {key: locked[key] for key in original if key != "ref"} == {
            key: value for key, value in original.items() if key != "ref"
        }
        assert re.fullmatch(r"sha256-[A-Za-z0-9+/]{43}=", locked["narHash"])
        assert re.fullmatch(r"[0-9a-f]{40}", locked["rev"])


def test_both_locks_have_the_same_revisions() -> None:
    ours, devenvs = nodes_of("flake.lock"), nodes_of("devenv.lock")
    for name in inputs_of_the_flake():
        assert ours[name] == devenvs[name]


def test_wheels_are_those_that_are_installed_without_nix() -> None:
    wheels = (ROOT / "nix/wheels.nix").read_text()
    lock = (ROOT / "requirements/dev.txt").read_text()
    for name, version in re.findall(r'pname = "([\w-]+)";\s+version = "([\d.]+)"', wheels):
        assert f"{name}=={version} " in lock
    hashes = re.findall(r'"sha256-(\S+)"', wheels)
    assert len(hashes) == 7
    for encoded in hashes:
        assert f"sha256:{base64.b64decode(encoded).hex()}" in lock
