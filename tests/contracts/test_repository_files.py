"""The names in files that only GitHub and editors read exist."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yaml"))


# Documentation has owners too.
@pytest.mark.documentation
def test_every_path_with_an_owner_exists() -> None:
    lines = (GITHUB / "CODEOWNERS").read_text().splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    assert rules[0][0] == "*", (
        "the rule for all files must be the first, because the last match counts"
    )
    for pattern, *owners in rules:
        assert owners, f"{pattern} has no owner"
        assert all(re.fullmatch(r"@[\w-]+(/[\w-]+)?", owner) for owner in owners)
        if pattern != "*":
            path = ROOT / pattern.removeprefix("/")
            assert path.is_dir() if pattern.endswith("/") else path.is_file(), pattern


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_is_one_that_github_shows(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    assert (
        {"name", "description", "body"} <= form.keys() <= {"name", "description", "labels", "body"}
    )
    ids = [part["id"] for part in form["body"]]
    assert len(ids) == len(set(ids))
    for part in form["body"]:
        assert part["type"] in ("dropdown", "input", "textarea")
        assert part["attributes"]["label"]
        assert ("options" in part["attributes"]) == (part["type"] == "dropdown")
        assert "render" not in part["attributes"] or part["type"] == "textarea"


def test_vulnerability_reports_are_directed_away_from_issues() -> None:
    config = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE/config.yml").read_text())
    assert "/security/advisories/new" in config["contact_links"][0]["url"]


@pytest.mark.documentation
def test_newer_versions_of_every_image_of_others_are_proposed() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    watched = {
        (update["package-ecosystem"], folder)
        for update in updates
        for folder in update.get("directories", [update.get("directory")])
    }
    # Those of tests, which are deeper, replace images of others.
    for path in ROOT.glob("*/Dockerfile"):
        assert ("docker", f"/{path.parent.name}") in watched, path
    assert ("docker-compose", "/") in watched


def test_every_deployment_has_the_same_images_of_others() -> None:
    assert len(set(re.findall(r"_IMAGE:-([^}]+)\}", (ROOT / "compose.yaml").read_text()))) == 4
    files = [ROOT / "compose.yaml", *sorted((ROOT / "deploy").rglob("*.yaml"))]
    texts = {path: path.read_text() for path in files}
    defaults = dict(re.findall(r"\b(\w+_IMAGE):-([^}]+)\}", "".join(texts.values())))
    for path, text in texts.items():
        for variable, image in re.findall(r"\b(\w+_IMAGE):-([^}]+)\}", text):
            assert image == defaults[variable], path
        for image in re.findall(r"^ +image: ([^\s$]+)$", text, re.MULTILINE):
            if "cathouse-" not in image:
                assert image in defaults.values(), path


@pytest.mark.documentation
def test_the_changelog_has_the_version_of_the_packages() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", text, re.MULTILINE)
    version = tomllib.loads((ROOT / "kit/pyproject.toml").read_text())["project"]["version"]
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == version, (
        f"move the unreleased changes below a heading [{version}] - DATE"
    )
    assert all(date for _, date in headings[1:])
    assert [name for name, _ in headings] == re.findall(r"^\[(.+?)\]: https", text, re.MULTILINE)


def test_the_dev_container_has_the_image_and_types_the_commands_that_there_are() -> None:
    folder = ROOT / ".devcontainer"
    container = json.loads((folder / "devcontainer.json").read_text())
    assert (folder / container["build"]["dockerfile"]).is_file()
    recommended = json.loads((ROOT / ".vscode/extensions.json").read_text())["recommendations"]
    assert container["customizations"]["vscode"]["extensions"] == recommended
    for name in ("updateContentCommand", "postAttachCommand"):
        command = container[name].split()
        assert command[0] == "make"
        # In a Nix shell, make installs nothing.
        outside = {name: value for name, value in os.environ.items() if name != "CATHOUSE_NIX"}
        subprocess.run(
            [*command, "--dry-run"], cwd=ROOT, env=outside, capture_output=True, check=True
        )
