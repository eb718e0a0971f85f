"""The rules by which a platform of another name is made: names, spellings, ports, and refused choices."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cathouse_scaffold.platforms import marketplace
from cathouse_scaffold.platforms.choices import (
    CURRENT_PORTS,
    CURRENT_REGISTRY,
    FILE,
    completed,
    parse,
    written,
)
from cathouse_scaffold.platforms.creation import HISTORY, rename_platform
from cathouse_scaffold.platforms.names import CURRENT, LONGEST, PlatformError, PlatformName
from cathouse_scaffold.platforms.renaming import port_mover, rename_files, renamer
from cathouse_scaffold.updating import update
from jinja2 import Environment

ROOT = Path(__file__).parents[3]
GIVEN = {
    "package": None,
    "description": None,
    "ports": None,
    "registry": None,
    "licence_holder": None,
}
SPOTTED = PlatformName("Spotted Owl", "spottedowl")


def refusal(**given: object) -> str:
    with pytest.raises(PlatformError) as refused:
        parse(completed(GIVEN | {"display_name": "Spotted Owl"}) | given)
    said = str(refused.value)
    assert "\n" not in said
    return said


def test_each_spelling_becomes_the_same_spelling_of_the_new_name() -> None:
    old = PlatformName("Grey Fox", "greyfox")
    rename = renamer(old, SPOTTED)
    for before, after in {
        "from greyfox_kit import greyfox_auth": "from spottedowl_kit import spottedowl_auth",
        "GREYFOX_NIX": "SPOTTEDOWL_NIX",
        "urn:greyfox:problem:": "urn:spottedowl:problem:",
        "Grey Fox is up": "Spotted Owl is up",
        "https://example.com/grey-fox/grey-fox": "https://example.com/spotted-owl/spotted-owl",
        "X-Grey-Fox": "X-Spotted-Owl",
        ".vale/GreyFox": ".vale/SpottedOwl",
        "greyFox": "spottedOwl",
        "grey_fox and grey fox": "spotted_owl and spotted owl",
        "Greyfox": "Spottedowl",
        "grey foxes are foxes": "spotted owles are foxes",
        "greyhound, foxtrot": "greyhound, foxtrot",
    }.items():
        assert rename(before) == after


def test_a_name_of_one_word_has_no_space_in_packages() -> None:
    rename = renamer(PlatformName("Fox", "fox"), SPOTTED)
    assert rename("fox_kit, FOX_NIX, Fox") == "spottedowl_kit, SPOTTEDOWL_NIX, Spotted Owl"


def test_only_ports_move() -> None:
    move = port_mover(7000, 9000)
    for text in (
        "port = 7005", "http://127.0.0.1:7001/x", "${AUTH_PORT:-7005}:7005", "GATEWAY_PORT:-7000",
        "http://:7000", "| 7003 |",
    ):  # fmt: skip
        assert move(text) == text.replace("700", "900")
    for text in (
        "17005",
        "7000 bytes",
        "0199-0000-7000-8000",
        "7000::/3",
        "7020",
        "0x7005",
        "1.7005",
        "70055",
    ):
        assert move(text) == text


def test_files_are_renamed_with_their_folders_and_the_registry_is_what_was_typed(
    tmp_path: Path,
) -> None:
    package, picture = Path(f"kit/{CURRENT.package}_kit/a.py"), Path("a.png")
    (tmp_path / package).parent.mkdir(parents=True)
    (tmp_path / package).write_text(
        f"{CURRENT.display} at {CURRENT_REGISTRY}/{CURRENT.package}-auth"
    )
    (tmp_path / picture).write_bytes(b"\xff" + CURRENT.package.encode())
    choices = parse(
        completed(GIVEN | {"display_name": "Spotted Owl", "registry": "example.com/owls"})
    )
    moved = rename_files(tmp_path, [package, picture], choices)
    assert moved == [Path("kit/spottedowl_kit/a.py"), picture]
    assert (tmp_path / moved[0]).read_text() == "Spotted Owl at example.com/owls/spottedowl-auth"
    assert [path.name for path in (tmp_path / "kit").iterdir()] == ["spottedowl_kit"]
    assert (tmp_path / picture).read_bytes() == b"\xff" + CURRENT.package.encode()


@pytest.mark.parametrize(
    ("package", "said"),
    [
        ("class", "a keyword of Python"),
        ("logging", "a module of Python"),
        ("null", "a boolean"),
        ("user", "a reserved word of PostgreSQL"),
        ("stack", "already has a meaning"),
        (CURRENT.package, "contains"),
        (f"my{CURRENT.package}"[:LONGEST], "contains"),
        ("a-bc", "use 4 or more characters of a to z"),
        ("A1bc", "use 4 or more characters of a to z"),
        ("zoo", "use 4 or more characters of a to z"),
        ("1abc", "begin with a letter"),
        ("a" * (LONGEST + 1), "must fit a DNS label and a name in PostgreSQL"),
    ],
)
def test_a_package_name_with_a_meaning_or_of_a_wrong_form_is_refused(
    package: str, said: str
) -> None:
    assert said in refusal(package=package)


def test_a_name_one_letter_off_a_module_is_accepted() -> None:
    display = "Logging"[:-1]
    answers = completed(GIVEN | {"display_name": display})
    assert parse(answers).name == PlatformName(display, display.lower())


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("display_name", "Owl's"), ("display_name", "Owl"), ("display_name", "two  spaces"), ("display_name", "a" * 31),
        ("description", "ends with a stop."), ("description", 'has "quotes"'), ("description", ""),
        ("ports", 80), ("ports", 9050), ("ports", 70000), ("ports", "many"),
        ("registry", "https://example.com"), ("registry", ""),
        ("licence_holder", "two\nlines"), ("services", "some"),
    ],
)  # fmt: skip
def test_an_answer_of_a_wrong_form_is_refused(question: str, answer: object) -> None:
    refusal(**{question: answer})


def test_a_longest_name_fits_a_label_and_a_role_with_each_service() -> None:
    assert LONGEST + len("-") + 30 <= 63


def test_copier_and_make_rename_have_the_same_defaults_and_history() -> None:
    questions = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))
    brackets = {
        name: questions["_envops"][name]
        for name in ("variable_start_string", "variable_end_string")
    }
    environment = Environment(**brackets)
    answers: dict[str, object] = {"display_name": "Spotted Owl"}
    for name, question in questions.items():
        if not name.startswith("_") and name not in answers:
            default = question["default"]
            answers[name] = (
                environment.from_string(default).render(answers)
                if isinstance(default, str)
                else default
            )
    assert answers == completed(GIVEN | {"display_name": "Spotted Owl"})
    assert answers["ports"] == CURRENT_PORTS
    assert tuple(questions["_skip_if_exists"]) == HISTORY


def test_the_answers_are_written_for_copier_with_one_line_about_the_origin() -> None:
    given = {
        "_src_path": "https://example.com/x",
        "_commit": "v1",
        "display_name": "Owl é",
        "ports": 9000,
    }
    text = written(given)
    assert yaml.safe_load(text) == given
    (line,) = [line for line in text.splitlines() if CURRENT.package in line]
    assert line.startswith("_src_path: ")


def test_a_platform_is_created_without_any_package_and_a_bad_answer_writes_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "copier.yml").write_text("copier has written this file")
    result = subprocess.run(
        # -S: no package is installed.
        [sys.executable, "-S", ROOT / "tools/scaffold/new_platform.py", "copy",
         json.dumps(completed(GIVEN | {"display_name": "Class"}))],
        cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert (
        result.stderr
        == "class cannot be the package name: it is a keyword of Python. Use another name. copier: "
    )
    assert list(tmp_path.iterdir()) == []


def repository(folder: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    (folder / "README.md").write_text("# A platform\n")
    return folder


def test_a_tree_with_changes_is_neither_renamed_nor_updated(tmp_path: Path) -> None:
    root = repository(tmp_path)
    (root / FILE).write_text("")
    said = "2 files have changes that are not committed, such as "
    with pytest.raises(PlatformError, match=said):
        rename_platform(root, completed(GIVEN | {"display_name": "Spotted Owl"}))
    with pytest.raises(Exception, match=said):
        update(root, None)
    assert (root / "README.md").read_text() == "# A platform\n"


def test_a_name_that_a_class_has_is_refused(tmp_path: Path) -> None:
    root = repository(tmp_path)
    (root / "errors.py").write_text("class SpottedOwlError(Exception): ...\n")
    commit = (
        "-c",
        "user.name=Test",
        "-c",
        "user.email=test@example.com",
        "commit",
        "--quiet",
        "--message=All",
    )
    for words in (("add", "--all"), commit):
        subprocess.run(["git", "-C", root, *words], check=True)
    with pytest.raises(PlatformError, match=r"spottedowl .* the name of a class in errors\.py"):
        rename_platform(root, completed(GIVEN | {"display_name": "Spotted Owl"}))


def test_a_platform_without_an_origin_is_not_updated(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=rf"no {FILE}, so its origin is unknown"):
        update(repository(tmp_path), None)


@pytest.mark.documentation
def test_each_rule_about_the_marketplace_finds_its_text() -> None:
    for path, names in marketplace.DEFINITIONS.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        for name in names.split():
            last = name.rpartition(".")[2]
            assert re.search(rf"^ *(?:(?:async )?def )?{last}\b", text, re.MULTILINE), (
                f"{path}: {name}"
            )
    for path, changes in marketplace.CHANGES.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        for pattern, _ in changes:
            assert re.search(pattern, text, re.MULTILINE), f"{path}: {pattern}"
    for path in (*marketplace.LISTS, *marketplace.EXAMPLES):
        assert (ROOT / path).exists(), path
