"""record-success.sh, and the commands of docs/how-to/set-up-monitoring.md as they are typed there. No engine runs."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from .expressions import ROOT

PAGE = ROOT / "docs/how-to/set-up-monitoring.md"
RECORD = "deploy/prometheus/record-success.sh"
# It writes each call into a file. All jobs complete at once, and one node is the gateway's.
DOCKER = """#!/bin/sh
echo "$COMPOSE_FILE: $*" >>"$CALLS"
case "$*" in
  "service ps"*) echo Complete ;;
  "wait"*) echo 0 ;;
  "node ls"*) echo node ;;
esac
"""
SUDO = '#!/bin/sh\nexec "$@"\n'


class Machine:
    """A folder with the deployment files, and programs that replace `docker` and `sudo`."""

    def __init__(self, folder: Path) -> None:
        self.clone = folder / "clone"
        shutil.copytree(ROOT / "deploy", self.clone / "deploy")
        shutil.copy(ROOT / "compose.yaml", self.clone)
        (self.clone / "secrets").mkdir()
        (self.clone / "secrets/service_token").write_text("a secret")
        self._programs = folder / "bin"
        self._programs.mkdir()
        for name, text in {"docker": DOCKER, "sudo": SUDO}.items():
            (self._programs / name).write_text(text)
            (self._programs / name).chmod(0o755)
        self._calls = folder / "calls"
        self._calls.touch()

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euc", script],
            cwd=self.clone,
            env=os.environ
            | {"PATH": f"{self._programs}:{os.environ['PATH']}", "CALLS": str(self._calls)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def type(self, section: str) -> list[str]:
        """Type all commands of a section of the page, in one shell. Return the calls of docker."""
        _, _, text = PAGE.read_text().partition(f"# {section}\n")
        commands = re.findall(r"^\$ (.*)$", re.split(r"^##", text, flags=re.M)[0], re.M)
        assert commands, section
        result = self.run("\n".join(commands))
        assert result.returncode == 0, result.stdout + result.stderr
        return self._calls.read_text().splitlines()

    def recorded(self, task: str) -> Path:
        return self.clone / f"deploy/prometheus/recorded/{task}.prom"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_success_is_recorded_for_node_exporter(machine: Machine) -> None:
    result = machine.run(f"umask 077; {RECORD} backup printf '%s|' 'two words' three")
    assert (result.returncode, result.stdout) == (0, "two words|three|")
    line = r'cathouse_last_success_timestamp_seconds\{task="backup"\} \d{10}\n'
    assert re.fullmatch(line, machine.recorded("backup").read_text())
    assert stat.S_IMODE(machine.recorded("backup").stat().st_mode) == 0o644
    assert list(machine.recorded("backup").parent.glob("[!.]*")) == [machine.recorded("backup")]


def test_a_failure_is_not_recorded_and_keeps_its_status(machine: Machine) -> None:
    machine.recorded("backup").write_text("earlier")
    result = machine.run(f"{RECORD} backup sh -c 'exit 7'")
    assert result.returncode == 7
    assert machine.recorded("backup").read_text() == "earlier"


def test_a_folder_of_another_node_exporter_can_be_set(machine: Machine) -> None:
    assert machine.run(f"mkdir other; METRICS_FOLDER=other {RECORD} backup true").returncode == 0
    assert (machine.clone / "other/backup.prom").exists()
    assert not machine.recorded("backup").exists()


def test_a_task_without_a_command_is_refused(machine: Machine) -> None:
    result = machine.run(f"{RECORD} backup")
    assert (result.returncode, result.stderr) == (64, "usage: record-success.sh TASK COMMAND...\n")


def test_the_commands_for_compose_start_both_files(machine: Machine) -> None:
    calls = machine.type("Start the observability stack of Compose")
    files = "compose.yaml:deploy/compose/observability.yaml"
    assert any(call.startswith(f"{files}: compose") and " up " in call for call in calls), calls
    assert all((machine.clone / file).exists() for file in files.split(":"))
    password = machine.clone / "secrets/grafana_password"
    assert len(password.read_text().strip()) == 24
    assert stat.S_IMODE(password.stat().st_mode) == 0o600


def test_the_commands_for_a_swarm_deploy_prometheus(machine: Machine) -> None:
    calls = machine.type("Start Prometheus in a swarm")
    (deployed,) = (call for call in calls if "--compose-file services.yaml" in call)
    assert "--compose-file prometheus.yaml" in deployed


def test_the_commands_for_scheduled_jobs_record_them(machine: Machine) -> None:
    machine.type("Watch scheduled jobs")
    assert machine.recorded("prune-audit").exists()
