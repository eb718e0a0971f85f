"""deploy/compose/up.sh runs the right commands of Docker, in the right order. It needs no engine."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .engine import NAMES, ROOT

# Stands for the program docker. It keeps its containers and the commands that it got in a file.
DOCKER = """
import json, os, pathlib, sys

words = sys.argv[1:]
file = pathlib.Path("docker.json")
state = json.loads(file.read_text())
state["commands"].append(" ".join(words))
running = state["running"]
status = 0
services = [word for word in words if word in state["services"]]
if words[:3] == ["compose", "config", "--services"]:
    print(*state["services"], "gateway", "postgres", "roles", sep="\\n")
elif words[:2] == ["compose", "config"]:
    print(f"cathouse-{words[-1]}:dev")
elif words[:2] == ["compose", "ps"] and "--format" in words:
    (name,) = services
    revision = os.environ[f"{name.upper()}_REVISION"]
    for each in running.get(name, []):
        print(each, "1-1" if name in state["changed"] and "new" not in each else revision)
elif words[:2] == ["compose", "ps"]:
    print(*(each for name in services or running for each in running.get(name, [])), sep="\\n")
elif words[:2] == ["compose", "run"] and "gateway" in words:
    status = int("gateway" in state["broken"])
    print("port is already allocated" if status else "v2")
elif words[:2] == ["compose", "run"]:
    secret = pathlib.Path("secrets/service_token")
    secret.parent.mkdir()
    secret.write_text("a secret")
elif "--scale" in words:
    name, _, count = words[words.index("--scale") + 1].partition("=")
    more = int(count) - len(running[name])
    running[name] += [f"{name}-new-{n}" for n in range(more)]
    status = int(name in state["broken"])
elif "up" in words and services == ["migrate"]:
    running["migrate"] = ["migrate-1"]
elif "up" in words:
    for name in state["services"]:
        running.setdefault(name, [f"{name}-1", f"{name}-2"])
elif words[0] == "wait":
    print(int("migrate" in state["broken"]))
elif words[0] in ("rm", "stop"):
    gone = words[1:] if words[0] == "rm" else []
    for name, ids in running.items():
        running[name] = [each for each in ids if each not in gone]
elif words[0] == "logs":
    print("the last words")
file.write_text(json.dumps(state))
sys.exit(status)
"""


@dataclass
class Machine:
    """A folder with up.sh, and the stand-in for docker."""

    folder: Path

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "docker.json").read_text())
        return found

    def given(self, **state: Any) -> None:
        (self.folder / "docker.json").write_text(
            json.dumps(
                {"commands": [], "running": {}, "changed": [], "broken": []}
                | {"services": [*NAMES, "migrate"]}
                | state
            )
        )

    def up(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["deploy/compose/up.sh", *options],
            cwd=self.folder,
            env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def position(self, part: str) -> int:
        """Return the place of the only command that contains this text."""
        (found,) = (n for n, command in enumerate(self.state["commands"]) if part in command)
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    docker = tmp_path / "docker"
    docker.write_text(f"#!{sys.executable}\n{DOCKER}")
    docker.chmod(0o755)
    machine = Machine(tmp_path)
    machine.given()
    return machine


RUNNING = {name: [f"{name}-1", f"{name}-2"] for name in NAMES}


def test_the_first_start_creates_the_secrets_and_starts_all(machine: Machine) -> None:
    result = machine.up("--build")
    assert result.returncode == 0, result.stderr
    built, secrets = machine.position("compose build"), machine.position("run --rm secrets")
    names = " ".join(NAMES)
    services = machine.position(f"--no-build --no-deps --no-recreate {names}")
    ports, migrated = (
        machine.position("--service-ports gateway"),
        machine.position("wait migrate-1"),
    )
    database, gateway = machine.position("180 postgres"), machine.position("gateway postgres")
    ready = machine.position(f"--wait-timeout 180 --no-deps --no-recreate {names}")
    assert built < secrets < ports < database < migrated < services < gateway < ready
    assert set(NAMES) <= set(machine.state["running"])


def test_a_taken_port_is_named_before_anything_starts(machine: Machine) -> None:
    machine.given(broken=["gateway"])
    result = machine.up()
    assert result.returncode == 1
    assert "port is already allocated" in result.stderr
    assert not any(" up " in command for command in machine.state["commands"])


def test_existing_secrets_are_kept(machine: Machine) -> None:
    (machine.folder / "secrets").mkdir()
    (machine.folder / "secrets/service_token").touch()
    assert machine.up().returncode == 0
    assert not any("secrets" in command for command in machine.state["commands"])
    assert not any("compose build" in command for command in machine.state["commands"])


def test_an_update_replaces_only_what_changed_and_stops_old_replicas_last(machine: Machine) -> None:
    machine.given(running=RUNNING, changed=["auth", "proxy"])
    result = machine.up()
    assert result.returncode == 0, result.stderr
    assert not any("--service-ports" in command for command in machine.state["commands"])
    running = machine.state["running"]
    assert running["auth"] == ["auth-new-0", "auth-new-1"]
    assert running["proxy"] == ["proxy-new-0", "proxy-new-1"]
    assert running["catalog"] == RUNNING["catalog"]
    migrated = machine.position("wait migrate-1")
    for name in ("auth", "proxy"):
        started = machine.position(f"--no-deps --no-recreate --scale {name}=4 {name}")
        assert migrated < started < machine.position(f"stop {name}-1 {name}-2")
    assert machine.position("stop auth-1") < machine.position("--scale proxy=4")


def test_replicas_that_do_not_become_healthy_are_removed_and_the_old_ones_stay(
    machine: Machine,
) -> None:
    machine.given(running=RUNNING, changed=["catalog", "proxy"], broken=["catalog"])
    result = machine.up()
    assert result.returncode == 1
    assert "catalog: the last words" in result.stderr
    assert "Containers that ran before still run." in result.stderr
    running = machine.state["running"]
    assert {name: running[name] for name in NAMES} == RUNNING


def test_a_failed_migration_replaces_nothing(machine: Machine) -> None:
    machine.given(running=RUNNING, changed=list(NAMES), broken=["migrate"])
    assert machine.up().returncode == 1
    running = machine.state["running"]
    assert {name: running[name] for name in NAMES} == RUNNING
    assert not any("--scale" in command for command in machine.state["commands"])


def test_an_unknown_option_is_refused(machine: Machine) -> None:
    result = machine.up("--force-recreate")
    assert (result.returncode, result.stderr) == (64, "usage: up.sh [--build]\n")
    assert machine.state["commands"] == []
