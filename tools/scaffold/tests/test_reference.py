"""The pages of docs/reference state what the code says."""

import argparse
import importlib
from pathlib import Path

import pytest
from cathouse_kit.registry import Service
from cathouse_scaffold.command_lines import command_rows
from cathouse_scaffold.describe import describe
from cathouse_scaffold.reference import facts, registry_fields, targets
from cathouse_scaffold.schema_rows import schema_rows
from process_compose.config import ProjectConfig

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs/reference"


def test_commands_are_listed_with_their_values_options_and_defaults() -> None:
    parser = argparse.ArgumentParser(prog="feed")
    commands = parser.add_subparsers(required=True)
    cat = commands.add_parser("cat", help="feed a cat")
    cat.add_argument("name", help="the cat")
    cat.add_argument("--grams", type=int, default=50, help="how much")
    cat.add_argument("--food", choices=("fish", "meat"), required=True, help="of what")
    cat.add_argument("-q", "--quiet", action="store_true", help="print nothing")
    assert [(row["usage"], row["help"]) for row in command_rows(parser)] == [
        ("feed cat NAME", "feed a cat; `NAME`: the cat"),
        ("feed cat --grams GRAMS", "how much; default: `50`"),
        ("feed cat --food fish|meat", "of what; required"),
        ("feed cat -q, --quiet", "print nothing"),
    ]


def test_a_default_of_this_machine_is_not_shown() -> None:
    parser = argparse.ArgumentParser(prog="feed")
    parser.add_argument("--here", type=Path, default=Path.cwd(), help="a folder")
    parser.add_argument("--there", type=Path, default=Path("bowl"), help="a folder")
    assert [row["help"] for row in command_rows(parser)] == [
        "",
        "a folder",
        "a folder; default: `bowl`",
    ]


def test_each_program_of_the_tools_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    # The program runs there, too: it imports the bench from this folder.
    monkeypatch.syspath_prepend(ROOT)
    found = facts(ROOT)
    names = [program["name"] for program in found["programs"]]
    assert "cathouse-stack" in names
    assert "process-compose-python" in names
    bench = (ROOT / "bench").is_dir()
    assert len(names) == len(list(ROOT.glob("tools/*/pyproject.toml"))) + bench
    assert all(program["rows"] for program in found["programs"])


def test_make_targets_are_those_with_a_comment() -> None:
    makefile = "up: .venv ## start it\n\t@true\nhidden:\n\t@true\n"
    assert targets(makefile) == [{"name": "up", "help": "start it"}]


def test_fields_of_the_registry_may_be_explained_on_several_lines() -> None:
    text = "# The registry.\n#\n#   [NAME]   the name,\n#            and more\n#   port     where\n\n[auth]\n"
    assert registry_fields(text) == [
        {"name": "[NAME]", "help": "the name, and more"},
        {"name": "port", "help": "where"},
    ]


def test_every_field_of_the_registry_is_explained() -> None:
    fields = registry_fields((ROOT / "services.toml").read_text(encoding="utf-8"))
    assert {field["name"] for field in fields} == {"[NAME]", *Service.__dataclass_fields__} - {
        "name"
    }


def test_keys_of_process_compose_carry_type_default_and_limits() -> None:
    rows = {row["key"]: row for row in schema_rows(ProjectConfig.model_json_schema())}
    probe = "processes.NAME.readiness_probe"
    assert rows[f"{probe}.period_seconds"] == {
        "key": f"{probe}.period_seconds",
        "type": "whole number",
        "default": "10",
        "required": "",
        "limits": "at least 1",
    }
    assert rows["processes.NAME.command"]["required"] == "yes"
    assert "`on_failure`" in rows["processes.NAME.availability.restart"]["type"]
    assert rows["processes.NAME.environment"]["type"] == "list of text"


def test_settings_carry_bounds_and_metrics_labels_and_routes_errors() -> None:
    described = describe("cathouse_catalog")
    settings = {setting["variable"]: setting for setting in described["settings"]}
    assert settings["DATABASE_POOL_SIZE"]["bounds"] == "1 to 100"
    assert settings["PORT"]["differs"]
    assert not settings["HOST"]["differs"]
    metrics = {metric["name"]: metric for metric in described["metrics"]}
    assert metrics["http_requests_total"]["labels"] == ("method", "route", "status")
    routes = {(*route["methods"], route["path"]): route for route in described["routes"]}
    errors = routes["GET", "/api/v1/catalog/cats/{cat_id}"]["errors"]
    assert {"status": "404", "name": "cat_not_found", "title": "Cat not found"} in errors


@pytest.mark.documentation
def test_each_setting_of_each_service_is_on_its_page(services: tuple[Service, ...]) -> None:
    page = (PAGES / "settings.md").read_text(encoding="utf-8")
    for service in services:
        settings = importlib.import_module(f"{service.package}.settings").Settings
        for name in settings.model_fields:
            assert f"\n| `{name.upper()}` |" in page, f"{service.name}: {name}"


@pytest.mark.documentation
def test_each_page_is_in_the_index_and_begins_with_its_reader_and_content() -> None:
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    for template in ROOT.glob("tools/scaffold/rendered/files/docs/reference/*.j2"):
        page = PAGES / template.stem
        title, blank, reader, content, *_ = page.read_text(encoding="utf-8").splitlines()
        assert f"]({page.name})" in index
        assert title.startswith("# ")
        assert blank == ""
        assert reader.startswith("For ")
        assert content.startswith("This page lists ")
