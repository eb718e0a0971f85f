"""Every image has the properties in images/README.md, if built by images/Dockerfile or by Nix."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from cathouse_kit.registry import Service
from packaging.requirements import Requirement

from .engine import ROOT, SERVICES, Stack, copy_sources, docker, in_image, inspect

ALL = (*(service.name for service in SERVICES), "migrate")
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|postgres(ql)?://[^\s:/@]+:[^\s:/@{}<>A-Z]+@|(TOKEN|PASSWORD|SECRET)=\S",
    re.ASCII,
)
INSTALLERS = [
    "apt",
    "apt-get",
    "dpkg",
    "pip",
    "pip3",
    "uv",
    "easy_install",
    "conda",
    "nix",
    "nix-env",
    "apk",
    "yum",
    "dnf",
    "rpm",
    "npm",
    "gem",
]
COMPILERS = [
    "cc",
    "c99",
    "gcc",
    "g++",
    "clang",
    "tcc",
    "ld",
    "as",
    "make",
    "cmake",
    "rustc",
    "cargo",
    "go",
    "perl",
]

# Python is the only program that every image has.
DISTRIBUTIONS = """
import importlib.metadata, json, platform
version = platform.python_version()
environment = {"python_full_version": version, "python_version": version.rpartition(".")[0]}
distributions = {each.name: each.requires or [] for each in importlib.metadata.distributions()}
print(json.dumps({"environment": environment, "distributions": distributions}))
"""
ON_PATH = (
    "import json, shutil, sys; print(json.dumps([n for n in sys.argv[1:] if shutil.which(n)]))"
)
SET_UID = """
import os, stat
for folder, _, files in os.walk("/"):
    if folder.startswith(("/proc", "/sys", "/dev")):
        continue
    for path in (os.path.join(folder, name) for name in files):
        if stat.S_ISREG((mode := os.lstat(path).st_mode)) and mode & 0o6000:
            print(path)
"""
# Docker adds an empty file, /.dockerenv.
PROGRAMS = """
import os, stat
for folder, folders, files in os.walk("/"):
    if folder == "/":
        folders[:] = set(folders) - {"proc", "sys", "dev"}
    for name in files:
        status = os.lstat(os.path.join(folder, name))
        executable = stat.S_ISREG(status.st_mode) and status.st_mode & 0o111 and status.st_size
        if executable and ".so" not in name:
            print(name)
"""
# Prints the modules that a command imports, but that are not compiled.
NOT_COMPILED = """
import importlib, os, sys
importlib.import_module(sys.argv[1])
for module in list(sys.modules.values()):
    compiled = getattr(module, "__cached__", None)
    if compiled and not os.path.exists(compiled):
        print(compiled)
"""


@pytest.fixture(params=ALL)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def image(images: dict[str, str], name: str) -> str:
    return images[name]


def _project(name: str) -> dict[str, str]:
    folder = "tools/migrate" if name == "migrate" else f"services/{name}"
    project: dict[str, str] = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())[
        "project"
    ]
    return project


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_starts_listens_and_is_checked_in_the_same_way(
    images: dict[str, str], service: Service
) -> None:
    config = inspect(images[service.name])["Config"]
    assert config["Entrypoint"] == ["python", "-m", service.package]
    assert config["Cmd"] == ["serve"]
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "cathouse_kit.healthcheck"]
    assert config["Healthcheck"]["Interval"] == 10_000_000_000
    assert config["Healthcheck"]["Timeout"] == 6_000_000_000
    assert config["Healthcheck"]["StartPeriod"] == 30_000_000_000
    assert config["Healthcheck"]["Retries"] == 3
    assert list(config["ExposedPorts"]) == [f"{service.port}/tcp"]
    environment = dict(variable.split("=", 1) for variable in config["Env"])
    assert environment["HOST"] == "0.0.0.0"
    assert environment["PORT"] == str(service.port)


def test_the_migrations_are_a_command_that_listens_nowhere(images: dict[str, str]) -> None:
    config = inspect(images["migrate"])["Config"]
    assert config["Entrypoint"] == ["cathouse-migrate"]
    assert not config.get("Cmd")
    assert not config.get("Healthcheck")
    assert not config.get("ExposedPorts")
    assert config["WorkingDir"] == "/srv"
    registry = in_image(images["migrate"], "python", "-c", "print(open('services.toml').read())")
    assert tomllib.loads(registry) == tomllib.loads((ROOT / "services.toml").read_text())


def test_the_labels_say_what_it_is(image: str, name: str) -> None:
    labels = {
        label.removeprefix("org.opencontainers.image."): value
        for label, value in inspect(image)["Config"]["Labels"].items()
        if label.startswith("org.opencontainers.image.")
    }
    project = _project(name)
    assert labels.pop("revision")
    assert labels.pop("source")
    assert labels == {
        "title": f"cathouse-{name}",
        "description": project["description"],
        "version": project["version"],
        "licenses": project["license"],
    }


def test_it_runs_as_an_ordinary_user_with_a_number(image: str) -> None:
    assert inspect(image)["Config"]["User"] == "65532:65532"
    assert (
        in_image(image, "python", "-c", "import os; print(os.getuid(), os.getgid())")
        == "65532 65532"
    )
    assert inspect(image)["Config"].get("Volumes") in (None, {})


def test_nothing_in_it_installs_or_compiles(image: str) -> None:
    found = in_image(image, "python", "-c", ON_PATH, *INSTALLERS, *COMPILERS)
    assert json.loads(found) == []
    for module in ("pip", "ensurepip", "setuptools"):
        failed = in_image(
            image, "python", "-c", f"import importlib.util as u; print(u.find_spec('{module}'))"
        )
        assert failed == "None", module


def test_it_has_the_programs_of_the_list_and_no_shell(image: str, name: str) -> None:
    if "CATHOUSE_TAG" in os.environ:
        pytest.skip("images/Dockerfile did not build the images of this tag")
    listed = tomllib.loads((ROOT / "tests/containers/programs.toml").read_text())
    # Root can open every folder.
    found = in_image(image, "python", "-c", PROGRAMS, options=("--user=0:0",)).split()
    programs = [re.sub(r"^python3\.\d+$", "python3.N", each) for each in found]
    assert sorted(programs) == sorted(listed["every"] + listed.get(name, []))


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_all_modules_of_a_service_are_compiled(images: dict[str, str], service: Service) -> None:
    for module in (f"{service.package}.main", "cathouse_kit.healthcheck"):
        assert in_image(images[service.name], "python", "-c", NOT_COMPILED, module) == ""


def test_no_program_in_it_changes_its_user(image: str) -> None:
    assert in_image(image, "python", "-c", SET_UID, options=("--user=0",)) == ""


def test_it_contains_the_declared_dependencies_and_nothing_else(image: str, name: str) -> None:
    held = json.loads(in_image(image, "python", "-c", DISTRIBUTIONS))
    distributions = {_key(each): needs for each, needs in held["distributions"].items()}
    expected: set[tuple[str, str]] = set()
    pending = {(f"cathouse-{name}", "")}
    if name == "migrate":
        pending |= {("cathouse-deployment", ""), ("cathouse-postgres", "")}
    while pending:
        distribution, extra = pending.pop()
        expected.add((distribution, extra))
        for text in distributions[distribution]:
            needed = Requirement(text)
            if not needed.marker or needed.marker.evaluate({**held["environment"], "extra": extra}):
                pending |= {(_key(needed.name), each) for each in ("", *needed.extras)} - expected
    assert set(distributions) == {distribution for distribution, _ in expected}


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("user", ["65532:65532", "1234:5678"])
def test_it_works_with_a_read_only_root_and_without_capabilities(
    image: str, name: str, user: str
) -> None:
    program = inspect(image)["Config"]["Entrypoint"]
    said = in_image(
        image,
        *program,
        "--help",
        options=(
            "--read-only",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges",
            f"--user={user}",
        ),
    )
    assert said.startswith("usage: ")


def test_no_secret_is_in_its_history_or_environment(image: str) -> None:
    history = docker("history", "--no-trunc", "--format={{.CreatedBy}}", image)
    assert not SECRET.search(history)
    for variable in inspect(image)["Config"]["Env"]:
        assert not SECRET.search(variable), variable.partition("=")[0]


def test_no_secret_is_in_its_layers(image: str) -> None:
    # Yield every file of every layer, including files that a later layer hides.
    listing = subprocess.run(
        ["sh", "-c", 'docker save "$1" | tar --extract --to-stdout --wildcards "*layer.tar" "blobs/*" 2>/dev/null'
         " | tar --list --ignore-zeros 2>/dev/null", "-", image],
        capture_output=True, text=True, check=False, timeout=120,
    ).stdout.split("\n")  # fmt: skip
    assert len(listing) > 1000
    suspicious = re.compile(
        r"(^|/)(\.env|\.netrc|\.git|\.state|id_rsa|id_ed25519|service_token|database_url|superuser_\w+|pip\.conf|.*\.key)$"
    )
    assert [path for path in listing if suspicious.search(path)] == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_start_without_secrets_names_what_is_missing(
    images: dict[str, str], service: Service
) -> None:
    result = subprocess.run(
        ["docker", "run", "--rm", "--network=none", images[service.name]],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert result.returncode == 78
    assert "DATABASE_URL is not set" in result.stderr
    assert "SERVICE_TOKEN is not set" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_changed_line_in_a_service_changes_only_its_image_and_migrate(
    images: dict[str, str], tmp_path: Path
) -> None:
    if "CATHOUSE_TAG" in os.environ:
        pytest.skip("images/Dockerfile did not build the images of this tag")
    copy_sources(tmp_path / "here")
    stack = Stack(tmp_path / "here", "cathouse-line", environment={"CATHOUSE_TAG": "line"})

    def built() -> dict[str, list[str]]:
        stack.compose("build", *ALL)
        return {each: inspect(f"cathouse-{each}:line")["RootFS"]["Layers"] for each in ALL}

    before = built()
    with (tmp_path / "here/services/auth/cathouse_auth/main.py").open("a") as source:
        source.write("# one more line\n")
    after = built()
    assert {each for each in ALL if before[each] != after[each]} == {"auth", "migrate"}
    changed = [layer for layer in after["auth"] if layer not in before["auth"]]
    assert len(changed) == 1


def test_most_files_of_images_are_shared(images: dict[str, str]) -> None:
    sizes = {name: inspect(image)["Size"] for name, image in images.items()}
    layers = {name: inspect(image)["RootFS"]["Layers"] for name, image in images.items()}
    shared = set.intersection(*(set(each) for each in layers.values()))
    for name, size in sizes.items():
        print(
            f"{name}: {size / 1e6:.0f} MB in {len(layers[name])} layers, {len(shared)} of them shared"
        )
    assert len(shared) >= 2
