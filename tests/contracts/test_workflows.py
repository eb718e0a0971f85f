"""The workflows pin their actions, have few permissions, and run the commands that developers type."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
pytestmark = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


WRITES = {
    "images/publish.sh, images/sign.sh": ["attestations", "id-token", "packages"],
    "make packages, gh release create": ["contents"],
    "gh release upload": ["contents"],
    "nix/propose-update": ["contents", "pull-requests"],
}


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())["jobs"]
    return found


def test_every_action_is_a_commit_whose_version_is_said(path: Path) -> None:
    used = [line for line in path.read_text().splitlines() if "uses:" in line]
    assert used
    for line in used:
        assert re.fullmatch(r"\s+- uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_one_commit_of_an_action_serves_all(path: Path) -> None:
    pins: dict[str, set[str]] = {}
    for workflow in WORKFLOWS:
        for name, pin in re.findall(r"uses: ([\w-]+/[\w-]+)\S*@(.+)", workflow.read_text()):
            pins.setdefault(name, set()).add(pin)
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}


def test_only_jobs_that_declare_it_have_write_permissions(path: Path) -> None:
    text = path.read_text()
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in text
    for job in jobs(path).values():
        permissions = job.get("permissions", {})
        assert set(permissions.values()) <= {"read", "write"}
        writes = sorted(name for name, right in permissions.items() if right == "write")
        assert writes == WRITES.get(job["name"], [])
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_workflows_run_the_commands_that_developers_type(path: Path) -> None:
    words = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for job in jobs(path).values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            command = step.get("run", "")
            # Values that others can choose must never become part of a script.
            assert "${{" not in command
            assert "\n" not in command
            if command.startswith("make "):
                assert set(command.split()[1:]) <= words
            for script in re.findall(r"\S+\.sh", command):
                assert os.access(ROOT / script, os.X_OK)


def test_only_a_release_has_the_packages_of_the_clients(path: Path) -> None:
    commands = [
        step["run"]
        for job in jobs(path).values()
        for step in job["steps"]
        if step.get("run") == "make packages" or "gh release create" in step.get("run", "")
    ]
    if path.stem != "release":
        assert commands == []
        return
    build, attach = commands
    assert build == "make packages"
    assert attach.startswith("gh release create ")
    assert attach.endswith(" dist/*")
