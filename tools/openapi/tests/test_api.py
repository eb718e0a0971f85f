"""The folder of descriptions. Stale files are named, breaking changes need a declaration, released files stay."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cathouse_kit.registry import load_registry
from cathouse_openapi.api import Api
from cathouse_openapi.declared_breaks import HEADER
from cathouse_openapi.descriptions import describe
from cathouse_openapi.errors import ApiError

ROOT = Path(__file__).parents[3]
CHANGELOG = """\
# Changelog

<!-- since the last release: written by `make openapi` -->
<!-- end -->

## 0.1.0, 2026-01-01

The first.
"""


@pytest.mark.documentation
def test_the_committed_descriptions_are_current_and_breaking_changes_are_declared() -> None:
    Api(ROOT / "docs/openapi", describe(load_registry(ROOT / "services.toml"))).check()


def described(*names: str) -> dict[str, Any]:
    """Return the description of a service with these operations."""
    responses: dict[str, Any] = {"responses": {"200": {}}}
    operations = {f"/{n}": {"get": {"operationId": n, **responses}} for n in names}
    return {"info": {"version": "0.2.0"}, "paths": operations}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of an API with one release: the service notes with the operations read and count."""
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "breaking.toml").write_text(HEADER)
    (tmp_path / "released").mkdir()
    (tmp_path / "released/notes.json").write_text(json.dumps(described("read", "count")))
    Api(tmp_path, {"notes": described("read", "count")}).write()
    return tmp_path


def declare(folder: Path, reason: str = "Nobody counts.") -> None:
    (folder / "breaking.toml").write_text(
        f"[[breaking]]\nservice = 'notes'\nchanges = ['`GET /count`: is removed']\nreason = '{reason}'\n"
    )


def test_written_files_pass_the_check(folder: Path) -> None:
    Api(folder, {"notes": described("read", "count")}).check()
    assert "Nothing." in (folder / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(
    "now",
    [{"notes": described("read")}, {}, {"notes": described("read", "count"), "more": described()}],
)
def test_stale_files_are_named_with_the_command_to_run(folder: Path, now: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match=r"(notes|more)\.json.*`make openapi`"):
        Api(folder, now).check()


def test_a_changelog_that_was_edited_is_stale(folder: Path) -> None:
    changelog = folder / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("Nothing.", "Something."))
    with pytest.raises(ApiError, match=r"CHANGELOG\.md"):
        Api(folder, {"notes": described("read", "count")}).check()
    changelog.write_text(CHANGELOG.replace("<!-- end -->\n", ""))
    with pytest.raises(ApiError, match="does not contain the lines"):
        Api(folder, {"notes": described("read", "count")}).check()


def test_a_breaking_change_is_refused_after_repeated_writing(folder: Path) -> None:
    api = Api(folder, {"notes": described("read")})
    for step in (api.write, api.write, api.check):
        with pytest.raises(ApiError, match="`GET /count`: is removed"):
            step()


def test_a_breaking_change_is_accepted_with_a_declaration_and_a_reason(folder: Path) -> None:
    api = Api(folder, {"notes": described("read")})
    declare(folder, reason="…")
    with pytest.raises(ApiError, match="has no reason"):
        api.write()
    declare(folder)
    api.write()
    api.check()
    changelog = (folder / "CHANGELOG.md").read_text()
    assert "- **Breaking.** `GET /count`: is removed. Why: Nobody counts.\n" in changelog


def test_the_declaration_in_the_error_can_be_copied(folder: Path) -> None:
    changed = described("read")
    changed["paths"]["/read"]["get"]["operationId"] = "it's \\d"
    api = Api(folder, {"notes": changed})
    with pytest.raises(ApiError) as complaint:
        api.write()
    _, _, declaration = str(complaint.value).partition("[[breaking]]")
    (folder / "breaking.toml").write_text("[[breaking]]" + declaration.replace("…", "Because."))
    api.write()


def test_equal_changes_with_different_reasons_have_separate_lines(folder: Path) -> None:
    (folder / "breaking.toml").write_text(
        """
        [[breaking]]
        service = "notes"
        changes = ["`GET /count`: is removed"]
        reason = "Nobody counts."

        [[breaking]]
        service = "notes"
        changes = ["`GET /read`: is removed"]
        reason = "Nobody reads."
        """
    )
    Api(folder, {"notes": described()}).write()
    changelog = (folder / "CHANGELOG.md").read_text()
    assert "`GET /count`: is removed. Why: Nobody counts.\n" in changelog
    assert "`GET /read`: is removed. Why: Nobody reads.\n" in changelog


def test_a_declaration_without_its_change_is_refused(folder: Path) -> None:
    declare(folder)
    with pytest.raises(ApiError, match="Remove them"):
        Api(folder, {"notes": described("read", "count")}).write()


@pytest.mark.parametrize(
    "text", ["[[breaking]]\nservice = 'notes'\n", "[[breaking", "breaking = 1\n"]
)
def test_a_broken_file_of_declarations_is_named(folder: Path, text: str) -> None:
    (folder / "breaking.toml").write_text(text)
    with pytest.raises(ApiError, match=r"breaking\.toml is not valid"):
        Api(folder, {"notes": described("read", "count")}).write()


def test_adding_and_removing_a_service_restores_all_files(folder: Path) -> None:
    notes = {"notes": described("read", "count")}
    before = {path: path.read_text() for path in folder.rglob("*.*")}
    Api(folder, notes | {"reviews": described("list")}).write()
    assert "### reviews\n\n- `GET /list`: is new\n" in (folder / "CHANGELOG.md").read_text()
    Api(folder, notes).write()
    assert {path: path.read_text() for path in folder.rglob("*.*")} == before


def test_the_removal_of_a_released_service_needs_a_declaration(folder: Path) -> None:
    with pytest.raises(ApiError, match=r"`GET /read`: is removed"):
        Api(folder, {}).write()


def test_a_release_moves_the_changes_and_starts_an_empty_part(folder: Path) -> None:
    declare(folder)
    api = Api(folder, {"notes": described("read", "list")})
    api.write()
    api.release("0.2.0")
    api.check()
    changelog = (folder / "CHANGELOG.md").read_text()
    unreleased, _, rest = changelog.partition("\n## 0.2.0, ")
    assert "Nothing." in unreleased
    assert "`GET /list`: is new" in rest
    assert "**Breaking.** `GET /count`" in rest
    assert rest.endswith(CHANGELOG.partition("<!-- end -->\n")[2])
    assert (folder / "breaking.toml").read_text() == HEADER
    assert json.loads((folder / "released/notes.json").read_text()) == described("read", "list")
    with pytest.raises(ApiError, match=r"VERSION=0\.2\.0 cannot follow 0\.2\.0"):
        api.release("0.2.0")


@pytest.mark.parametrize(
    ("version", "complaint"),
    [
        ("", "three numbers"),
        ("1.0", "three numbers"),
        ("v1.0.0", "three numbers"),
        ("1.0.0-rc.1", "three numbers"),
        ("1.00.0", "three numbers"),
        ("0.0.9", "cannot follow 0.1.0"),
        ("0.1.0", "cannot follow 0.1.0"),
        ("0.10.0", "The installed version of notes is not 0.10.0"),
    ],
)
def test_an_invalid_version_changes_nothing(folder: Path, version: str, complaint: str) -> None:
    before = {path: path.read_text() for path in folder.rglob("*.*")}
    with pytest.raises(ApiError, match=re.escape(complaint)):
        Api(folder, {"notes": described("read", "count")}).release(version)
    assert {path: path.read_text() for path in folder.rglob("*.*")} == before


def test_an_undeclared_breaking_change_cannot_be_released(folder: Path) -> None:
    with pytest.raises(ApiError, match="`GET /count`: is removed"):
        Api(folder, {"notes": described("read")}).check_release("0.2.0")


def test_stale_files_are_not_released(folder: Path) -> None:
    before = {path: path.read_text() for path in folder.rglob("*.*")}
    with pytest.raises(ApiError, match="make openapi"):
        Api(folder, {"notes": described("read", "count", "list")}).release("0.2.0")
    assert {path: path.read_text() for path in folder.rglob("*.*")} == before
