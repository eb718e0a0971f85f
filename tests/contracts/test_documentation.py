"""Links, anchors, files and names that the documentation mentions exist in the repository."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cathouse_kit.registry import Service

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.documentation

_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"(?P<file>[\w.-]+(?:/[\w.-]+)*/?)(?:::(?P<name>\w+(?:\.\w+)*))?")
_CREATED = re.compile(r"^\$ make service NAME=(\w+)", re.MULTILINE)
_SKIPPED = {".venv", ".state", "node_modules", ".pytest_cache", ".devenv", ".direnv"}


def pages() -> list[Path]:
    found = ROOT.glob("**/*.md")
    return sorted(
        page
        for page in found
        if page.is_file() and not _SKIPPED & set(page.relative_to(ROOT).parts)
    )


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub derives from headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


def references(page: Path) -> Iterator[tuple[str, str, str | None]]:
    """Yield the code spans that refer to a file: the text, the file, the name in it."""
    # Files that are created later are left out.
    tops = {path.name for path in ROOT.iterdir()} - _SKIPPED
    # A service that the page has its reader create, as the tutorial does; tests/tutorial follows that.
    created = {f"services/{name}" for name in _CREATED.findall(page.read_text())}
    for code in _CODE.findall(prose(page)):
        match = _FILE.fullmatch(code)
        # Users create .env themselves.
        if (
            match
            and "/" in code
            and match["file"].partition("/")[0] in tops
            and Path(match["file"]).name != ".env"
            and not any(Path(match["file"]).is_relative_to(folder) for folder in created)
        ):
            yield code, match["file"], match["name"]


def names_in(file: Path) -> set[str]:
    """Return the names that a module defines at its top level, and the members of its classes as `Class.method`."""

    def defined(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield prefix + node.name
            elif isinstance(node, ast.Assign):
                yield from (prefix + t.id for t in node.targets if isinstance(t, ast.Name))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield prefix + node.target.id
            if isinstance(node, ast.ClassDef):
                yield from defined(node.body, f"{node.name}.")

    return set(defined(ast.parse(file.read_text()).body))


def test_there_are_pages() -> None:
    assert {"README.md", "docs/explanation/architecture.md", "CONTRIBUTING.md", "SECURITY.md"} <= {
        str(page.relative_to(ROOT)) for page in pages()
    }


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_its_links_exist(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link} does not exist"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{page.name}: {link}: there is no such heading"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_files_and_names_that_it_mentions_exist(
    page: Path, services: tuple[Service, ...]
) -> None:
    for code, file, name in references(page):
        # NAME means any service.
        file = file.replace("NAME", services[0].name)
        path = ROOT / file if (ROOT / file).exists() else page.parent / file
        assert path.exists(), f"{page.name}: `{code}` does not exist"
        if name is not None:
            assert name in names_in(path), f"{page.name}: `{code}`: the file has no {name}"


def linked(page: Path) -> set[Path]:
    """Return the files that a page links to."""
    return {(page.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(prose(page))}


def test_every_page_of_the_documentation_is_on_the_map_or_in_the_index_of_its_folder() -> None:
    the_map = ROOT / "docs/README.md"
    for page in set(ROOT.glob("docs/**/*.md")) - {the_map}:
        index = page.parent / "README.md"
        listed = linked(the_map) | (linked(index) if index.exists() else set())
        assert page.resolve() in listed, f"{page} is in no index"


def test_each_page_says_first_whom_it_is_for() -> None:
    for page in set(ROOT.glob("docs/**/*.md")) - set(ROOT.glob("docs/openapi/*")):
        title, empty, first, *_ = page.read_text().splitlines()
        begins_well = title.startswith("# ") and not empty and first.startswith("For ")
        assert begins_well, f"{page.relative_to(ROOT)}: begin with a title, then with 'For …'"


def test_each_alert_has_its_steps() -> None:
    alerts = re.findall(r"- alert: (\w+)", (ROOT / "deploy/prometheus/rules.yaml").read_text())
    assert alerts
    assert {alert.lower() for alert in alerts} <= anchors(ROOT / "docs/how-to/respond-to-alerts.md")


def printed_by_the_code() -> str:
    """Return the sources, with texts that go on in the next line joined, and the descriptions of the API."""
    folders = ("kit", "platform", "services", "tools", "deploy", "images", "nix")
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*"))]
    sources = [
        path.read_text()
        for path in [*paths, ROOT / "Makefile"]
        if path.suffix in {".py", ".sh", ".nix", ""}
        and path.is_file()
        and not {"tests", ".venv", "build"} & set(path.relative_to(ROOT).parts)
    ]
    descriptions = [path.read_text() for path in sorted(ROOT.glob("docs/openapi/*.json"))]
    return re.sub(r'"\s*\n\s*[fr]?"', "", "\n".join(sources)) + "\n".join(descriptions)


def test_troubleshooting_quotes_messages_that_the_code_prints() -> None:
    code = printed_by_the_code()
    text = (ROOT / "docs/troubleshooting.md").read_text()
    tables = re.findall(r"^\| message \|.*?\n\n", text, re.MULTILINE | re.DOTALL)
    rows = [row for table in tables for row in table.strip().splitlines()[2:]]
    assert rows
    for row in rows:
        for message in _CODE.findall(row.partition(" | ")[0]):
            # "…" stands for what differs. The type of a problem is the name of its class.
            for part in filter(None, map(str.strip, message.split("…"))):
                problem = f"class {part.title().replace('_', '')}("
                printed = part in code or problem in code
                assert printed, f"no code prints {part!r}: {row}"


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in sorted(ROOT.glob("docs/explanation/decisions/0*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_make_help_lists_every_command_in_the_documentation() -> None:
    shown = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    words = set(re.findall(r"^  make ([a-z-]+)", shown, re.MULTILINE))
    for page in pages():
        for command in re.findall(r"(?:^\$ |`)make ([a-z -]+)", page.read_text(), re.MULTILINE):
            for word in command.split():
                assert word in words, f"{page.relative_to(ROOT)}: make {word}"
