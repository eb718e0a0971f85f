"""The clients as they are generated, checked and packed. They need the registry of npm: run them by name."""

import re
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from ..journey.platform import Platform
from .conftest import ROOT, TYPESCRIPT, Run, sources


def test_generating_the_clients_again_changes_nothing(generated: dict[str, bytes]) -> None:
    assert generated == sources(generated)


def test_the_typescript_client_passes_the_strict_check(run: Run, generated: object) -> None:
    run("npm", "run", "check", cwd=TYPESCRIPT)


def test_the_typescript_client_passes_its_tests(run: Run, generated: object) -> None:
    said = run("npm", "test", cwd=TYPESCRIPT)
    passed = re.search(r"pass (\d+)$", said, re.MULTILINE)
    assert passed, said
    assert int(passed[1]) > 0


def test_the_typescript_client_makes_the_journey(
    run: Run, generated: object, platform: Platform
) -> None:
    said = run(
        "node",
        "examples/journey-in-node.ts",
        cwd=TYPESCRIPT,
        CATHOUSE_URL=platform.stack.url("gateway"),
        CAT_URL=platform.stack.url("tasks"),
        ADMIN_TOKEN=platform.admin["Authorization"].removeprefix("Bearer "),
    )
    print(said)
    assert said.splitlines()[-1] == "paul  goes on with refreshed tokens"


@pytest.fixture(scope="module")
def packages(run: Run) -> Path:
    print(run("make", "--no-print-directory", "packages"))
    return ROOT / "dist"


@pytest.fixture
def project(packages: Path, tmp_path: Path) -> Path:
    """A project that has the packed client, and what it depends on, as npm would install it."""
    [package] = packages.glob("*.tgz")
    modules = tmp_path / "node_modules"
    modules.mkdir()
    with tarfile.open(package) as archive:
        archive.extractall(modules, filter="data")
    (modules / "package").rename(modules / "cathouse-client")
    for name in ("openapi-fetch", "openapi-typescript-helpers", "@types", "undici-types"):
        shutil.copytree(TYPESCRIPT / "node_modules" / name, modules / name)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    return tmp_path


def test_the_npm_package_has_no_sources_and_no_tests(project: Path) -> None:
    files = {p.name for p in (project / "node_modules/cathouse-client").iterdir()}
    assert files == {"README.md", "dist", "package.json"}


def test_the_examples_of_the_typescript_client_run_as_written(
    run: Run, project: Path, platform: Platform
) -> None:
    cat = platform.publish()
    text = (TYPESCRIPT / "README.md").read_text()
    examples = re.findall(r"^```ts\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    here = {
        "http://localhost:8000": platform.stack.url("gateway"),
        '"task-keeper"': f'"{cat["slug"]}"',
        "ada@example.com": f"ada-{cat['id']}@example.com",
    }
    for number, example in enumerate(examples):
        for written, meant in here.items():
            example = example.replace(written, meant)
        (project / f"example{number}.ts").write_text(example)
    options = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2022"]
    tsc = str(TYPESCRIPT / "node_modules/.bin/tsc")
    run(tsc, *options, *(f"example{n}.ts" for n in range(len(examples))), cwd=project)
    adopting, calling = (
        run("node", f"example{n}.ts", cwd=project).splitlines() for n in range(len(examples))
    )
    assert f"{cat['slug']} null" in adopting
    assert adopting[-2].startswith("active ")
    assert re.fullmatch(r"already_adopted [\w.-]{8,}", adopting[-1])
    assert calling[0].startswith("201 {")
    assert calling[1] == "scope_missing"


def test_the_wheel_has_the_client_and_its_types(packages: Path) -> None:
    # The wheel was built from the source archive.
    [_archive] = packages.glob("*.tar.gz")
    [wheel] = packages.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = ROOT / "clients/python/cathouse_client"
    sources = {str(p.relative_to(package.parent)) for p in package.rglob("*.py")}
    assert {n for n in names if n.endswith(".py")} == sources
    assert "cathouse_client/py.typed" in names
