"""The template and the services have the same structure. Common code belongs in the kit."""

import shutil
from pathlib import Path

import pytest
from cathouse_kit.registry import Service
from cathouse_scaffold.creation import generate

ROOT = Path(__file__).parents[3]
NEW = Service(
    name="modulo",
    description="Any description",
    package="cathouse_modulo",
    port=8099,
    prefix="/api/v1/modulo",
    schema="modulo",
    extensions=(),
    calls=("auth",),
)
Files = dict[str, list[str]]

# Files that are the same in each service, except for the name of the service.
THE_SAME = ("PACKAGE/models/base.py", "PACKAGE/py.typed")
# A service with its own resources keeps its app in a variable, to set app.state.resources.
WITH_RESOURCES = ("    app = create_service(", "    return app")
# The number of lines of a new service, without its example, that at least one other service does not have. Move
# additional lines into the kit or into all services. Write a lower number here. Most of them are the table of callers.
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
    """Return the lines of the files of a service, with its own values replaced by general names."""
    folder = root / "services" / service.name
    tracked = (path for path in folder.rglob("*") if path.suffix in (".py", ".toml", ".typed"))
    return {
        modulo(str(path.relative_to(folder)), service): [
            modulo(line, service) for line in path.read_text().splitlines()
        ]
        for path in tracked
    }


def modulo(text: str, service: Service) -> str:
    for value, general in (
        (service.description, "DESCRIPTION"),
        (service.package, "PACKAGE"),
        (service.package.replace("_", "-"), "DISTRIBUTION"),
        (service.prefix, "PREFIX"),
        (str(service.port), "PORT"),
        (service.name.capitalize(), "Name"),
        (service.name, "name"),
    ):
        text = text.replace(value, general)
    return text


@pytest.mark.parametrize("path", THE_SAME)
def test_common_files_are_the_same_in_every_service(
    new: Files, others: dict[str, Files], path: str
) -> None:
    for files in others.values():
        assert files[path] == new[path]


def test_each_service_has_every_file_of_the_template_except_the_example(
    new: Files, others: dict[str, Files]
) -> None:
    skeleton = {path for path in new if "example" not in path}
    assert len(skeleton) >= 12
    for name, files in others.items():
        assert skeleton <= files.keys(), name


def test_services_declare_what_the_template_declares(new: Files, others: dict[str, Files]) -> None:
    """Compare pyproject.toml. A service may have more dependencies."""
    for name, files in others.items():
        assert set(new["pyproject.toml"]) - set(files["pyproject.toml"]) <= {
            # A service may need a newer version.
            '    "pydantic>=2.11",'
        }, name


def test_lines_that_all_services_have_are_in_the_template(
    new: Files, others: dict[str, Files]
) -> None:
    """A line that was added to every service must also be in the template.

    settings.py is left out, because each service has its own settings and only imports and brackets are common.
    """
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


def test_a_new_service_has_few_lines_that_other_services_do_not_have(
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
    print(f"{total} of {lines_in_all} lines, without the example")
    assert total <= OWN_LINES
