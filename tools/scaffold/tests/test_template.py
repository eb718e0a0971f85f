"""The template and the services stay of one shape: what is common is in the kit, and what is left is what all have."""

import shutil
from pathlib import Path

import pytest
from cathouse_kit.registry import Service
from cathouse_scaffold.creation import generate

ROOT = Path(__file__).parents[3]
NEW = Service(
    name="modulo",
    description="Whatever it is",
    package="cathouse_modulo",
    port=8099,
    prefix="/api/v1/modulo",
    schema="modulo",
    extensions=(),
    calls=("auth",),
)
Files = dict[str, list[str]]

# The same, word for word but for the service's name, in each service that there is.
THE_SAME = ("PACKAGE/models/base.py", "PACKAGE/py.typed")
# A service with resources of its own keeps its app, to set app.state.resources.
WITH_RESOURCES = ("    app = create_service(", "    return app")
# Lines of a new service, its example aside, that some other service has not. Should there be more, they belong into
# the kit, or into all services; should there be fewer, that is to be written here. Most are the table of who may call.
OWN_LINES = 97


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Files:
    root = tmp_path_factory.mktemp("template")
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "kit").mkdir()
    shutil.copy(ROOT / "kit/pyproject.toml", root / "kit")
    shutil.copytree(ROOT / "tools/scaffold/service", root / "tools/scaffold/service")
    generate(root, NEW)
    return lines(root, NEW)


@pytest.fixture(scope="module")
def others(services: tuple[Service, ...]) -> dict[str, Files]:
    return {service.name: lines(ROOT, service) for service in services}


def lines(root: Path, service: Service) -> Files:
    """The lines of a service's files, as they would be in any service."""
    folder = root / "services" / service.name
    tracked = (path for path in folder.rglob("*") if path.suffix in (".py", ".toml", ".typed"))
    return {
        modulo(str(path.relative_to(folder)), service): [
            modulo(line, service) for line in path.read_text().splitlines()
        ]
        for path in tracked
    }


def modulo(text: str, service: Service) -> str:
    for value, word in (
        (service.description, "DESCRIPTION"),
        (service.package, "PACKAGE"),
        (service.package.replace("_", "-"), "DISTRIBUTION"),
        (service.prefix, "PREFIX"),
        (str(service.port), "PORT"),
        (service.name.capitalize(), "Name"),
        (service.name, "name"),
    ):
        text = text.replace(value, word)
    return text


@pytest.mark.parametrize("path", THE_SAME)
def test_what_is_the_same_everywhere_is_the_same(
    new: Files, others: dict[str, Files], path: str
) -> None:
    for files in others.values():
        assert files[path] == new[path]


def test_each_service_has_every_file_that_is_not_of_the_example(
    new: Files, others: dict[str, Files]
) -> None:
    skeleton = {path for path in new if "example" not in path}
    assert len(skeleton) >= 12
    for name, files in others.items():
        assert skeleton <= files.keys(), name


def test_services_declare_what_the_template_declares(new: Files, others: dict[str, Files]) -> None:
    """Each in its pyproject.toml, with more dependencies at most."""
    for name, files in others.items():
        assert set(new["pyproject.toml"]) - set(files["pyproject.toml"]) <= {
            # A service may need newer ones.
            '    "pydantic>=2.11",'
        }, name


def test_what_all_services_have_a_new_one_has(new: Files, others: dict[str, Files]) -> None:
    """Line by line: what was added to each of them was forgotten in the template. Settings are each service's own; that
    all of them have an import and brackets in common says nothing."""
    forgotten = {
        path: [
            line
            for line in next(iter(others.values()))[path]
            if line not in content
            and line not in WITH_RESOURCES
            and all(line in files[path] for files in others.values())
        ]
        for path, content in new.items()
        if "example" not in path and not path.endswith("/settings.py")
    }
    assert {path: found for path, found in forgotten.items() if found} == {}


def test_the_lines_of_a_new_service_that_are_not_those_of_every_other_are_counted(
    new: Files, others: dict[str, Files]
) -> None:
    own = {
        path: [
            line
            for line in content
            if line.strip() and not all(line in files.get(path, ()) for files in others.values())
        ]
        for path, content in new.items()
        if "example" not in path
    }
    for path, found in own.items():
        if found:
            print(f"{path}: {len(found)}")
            print("".join(f"    {line}\n" for line in found))
    total = sum(map(len, own.values()))
    lines_in_all = sum(len(content) for path, content in new.items() if "example" not in path)
    print(f"{total} of {lines_in_all} lines, beside the example")
    assert total <= OWN_LINES
