"""Create a service in a copy of the repository, check every place that lists services, and remove it completely."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cathouse_kit.registry import load_registry
from cathouse_scaffold import removal
from cathouse_scaffold.documents import write
from cathouse_scaffold.rendering import Texts

ROOT = Path(__file__).parents[3]
NOT_COPIED = (
    ".git",
    ".venv",
    ".state",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    ".env",
    "result*",
)
ANOTHER_FILE = "services/catalog/cathouse_catalog/settings.py"
# A new service also changes documentation.
pytestmark = [
    pytest.mark.documentation,
    # One worker runs all of these tests, because each worker would create its own service.
    pytest.mark.xdist_group("scaffold"),
]


class Repository:
    """A copy of this repository, in git."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*NOT_COPIED), symlinks=True)
        self.git("init", "--quiet")
        self.commit()
        self.start = self.git("rev-parse", "HEAD").strip()

    def git(self, *words: str) -> str:
        me = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        result = subprocess.run(
            ["git", *me, *words], cwd=self.root, capture_output=True, text=True, check=True
        )
        return result.stdout

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=All", "--allow-empty")

    def reset(self) -> None:
        """Return to the original state."""
        self.git("reset", "--quiet", "--hard", self.start)
        self.git("clean", "--quiet", "-dffx")

    def snapshot(self) -> str:
        """Return git's tree of all files, also of those that are not committed."""
        self.git("add", "--all")
        return self.git("write-tree").strip()

    def restore(self, tree: str) -> None:
        """Write the files of a snapshot. None of its changes is committed or staged."""
        self.git("read-tree", "--reset", "-u", tree)
        self.git("reset", "--quiet")

    def leave_cache(self) -> None:
        """Write a cache, as Python does when it imports the service."""
        cache = self.root / "services/fifthwheel/cathouse_fifthwheel/__pycache__"
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "main.cpython-311.pyc").write_bytes(b"")

    def change_another_file(self) -> None:
        """Change a file that no creation or removal of a service changes."""
        path = self.root / ANOTHER_FILE
        path.write_text(path.read_text() + "\n# mine\n")

    @property
    def changed(self) -> list[str]:
        return self.git("status", "--porcelain", "--untracked-files=all").splitlines()

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "cathouse_scaffold", *words]

    def says(self, *words: str) -> str:
        """Run a command that succeeds, and return its output."""
        result = self.run(*words)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def refuses(self, *words: str) -> str:
        """Run a command that is refused and changes nothing, and return its error."""
        before = self.changed
        result = self.run(*words)
        assert result.returncode == 1
        assert self.changed == before
        return result.stderr

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            cwd=self.root, env=os.environ | environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def undo(self, said: str) -> None:
        """Run the undo command of an error message in a shell, as a user would."""
        command = said.partition("Undo its changes with this command:\n")[2]
        assert command.startswith("  git ")
        subprocess.run(command, shell=True, cwd=self.root, capture_output=True, check=True)

    def yaml(self, path: str) -> Any:
        return yaml.safe_load((self.root / path).read_text())

    def text(self, path: str) -> str:
        return (self.root / path).read_text()


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("scaffold") / "a copy é")


@pytest.fixture
def repository(pristine: Repository) -> Iterator[Repository]:
    """Yield the copy in its original state."""
    yield pristine
    pristine.reset()


@pytest.fixture(scope="module")
def created(pristine: Repository) -> str:
    """Create the service fifthwheel once for all tests, because that takes seconds. Returns the snapshot.

    An earlier service with this name has left a cache, and a file without relation to the service has a change.
    """
    pristine.leave_cache()
    pristine.change_another_file()
    said = pristine.says("service", "fifthwheel", "--port", "18020", "--description", "Opinions")
    assert "Created services/fifthwheel, with port 18020 and prefix /api/v1/fifthwheel." in said
    assert f" M {ANOTHER_FILE}" in pristine.changed
    pristine.git("restore", ANOTHER_FILE)
    snapshot = pristine.snapshot()
    pristine.reset()
    return snapshot


@pytest.fixture
def grown(repository: Repository, created: str) -> Repository:
    """Return the copy with the new service fifthwheel, which is not committed."""
    repository.restore(created)
    return repository


def test_the_registry_lists_the_new_service_and_keeps_its_comments(grown: Repository) -> None:
    text = grown.text("services.toml")
    assert text.startswith((ROOT / "services.toml").read_text())
    assert tomllib.loads(text)["fifthwheel"] == {
        "description": "Opinions",
        "package": "cathouse_fifthwheel",
        "port": 18020,
        "prefix": "/api/v1/fifthwheel",
        "schema": "fifthwheel",
        "extensions": [],
        "calls": ["auth"],
    }


def test_all_stacks_run_the_new_service(grown: Repository) -> None:
    process = grown.yaml("process-compose.yaml")["processes"]
    assert process["fifthwheel"]["command"] == "exec python -m cathouse_fifthwheel serve --reload"
    assert "fifthwheel" in process["ready"]["depends_on"]
    compose = grown.yaml("compose.yaml")
    service = compose["services"]["fifthwheel"]
    assert service["build"]["target"] == "fifthwheel"
    assert "ports" not in service
    assert service["networks"] == ["database", "internal"]
    gateway = compose["services"]["gateway"]
    assert gateway["environment"]["FIFTHWHEEL_UPSTREAM"] == "fifthwheel:18020"
    assert gateway["depends_on"]["fifthwheel"] == {"condition": "service_healthy"}
    names = [service.name for service in load_registry(grown.root / "services.toml")]
    assert f'"{" ".join(names)}"' in grown.text("deploy/compose/up.sh")
    assert compose["secrets"]["fifthwheel_database_url"]
    connections = 26 * len(names) + 12
    assert f"max_connections={connections}" in compose["services"]["postgres"]["command"]
    assert "fifthwheel" in grown.yaml("compose.dev.yaml")["services"]
    assert "fifthwheel" in grown.yaml("deploy/swarm/services.yaml")["services"]
    gateway = grown.yaml("deploy/swarm/gateway.yaml")["services"]["gateway"]
    assert gateway["environment"]["FIFTHWHEEL_UPSTREAM"] == "fifthwheel:18020"
    manifests = list(yaml.safe_load_all(grown.text("deploy/kubernetes/base/fifthwheel.yaml")))
    assert {manifest["metadata"]["name"] for manifest in manifests} == {"fifthwheel"}
    assert "fifthwheel.yaml" in grown.yaml("deploy/kubernetes/base/kustomization.yaml")["resources"]
    assert "FROM runtime AS fifthwheel\n" in grown.text("images/Dockerfile")
    components = "deploy/kubernetes/components"
    routes = yaml.safe_load_all(grown.text(f"{components}/gateway/routes.yaml"))
    assert "fifthwheel" in {route["metadata"]["name"] for route in routes}
    assert 'up{job="fifthwheel"}' in grown.text(f"{components}/monitoring/rules.yaml")
    assert ",".join(names) in grown.text("deploy/grafana/services.json")


def test_documents_and_tools_list_the_new_service(grown: Repository) -> None:
    assert "| [fifthwheel](services/fifthwheel/README.md) | 18020 |" in grown.text("README.md")
    assert "-e ./services/fifthwheel\n" in grown.text("requirements/packages.txt")
    described = json.loads(grown.text("docs/openapi/fifthwheel.json"))
    assert "/api/v1/fifthwheel/examples/{example_id}" in described["paths"]
    project = tomllib.loads(grown.text("tools/migrate/pyproject.toml"))["project"]
    assert "cathouse-fifthwheel" in project["dependencies"]
    for page, line in (
        ("settings", "## fifthwheel"),
        ("routes", "| GET | `/api/v1/fifthwheel/examples` | signed in | My examples |"),
        ("commands", "| `python -m cathouse_fifthwheel migrate` |"),
        ("registry", "| [fifthwheel](../../services/fifthwheel/README.md) | 18020 |"),
    ):
        assert line in grown.text(f"docs/reference/{page}.md")


def test_the_readme_of_the_new_service_describes_its_code(grown: Repository) -> None:
    readme = grown.text("services/fifthwheel/README.md")
    for line in (
        "| `GET /api/v1/fifthwheel/examples` | signed in | My examples |",
        "| `PORT` | whole number | `18020` | Port to listen on |",
        "| `examples` | An example. Only its owner can see it. | id, user_id, title, text, created_at, updated_at |",
        "python -m cathouse_fifthwheel serve --reload",
    ):
        assert line in readme.splitlines()
    assert "\n# PORT=18020\n" in grown.text("services/fifthwheel/.env.example")


def test_after_the_creation_render_writes_nothing(grown: Repository) -> None:
    assert grown.says("render") == ""
    paths = [line[3:] for line in grown.changed]
    assert {path.split("/")[1] for path in paths if path.startswith("services/")} == {"fifthwheel"}


def test_the_code_of_the_new_service_passes_ruff(grown: Repository) -> None:
    for words in (("format", "--check"), ("check",)):
        result = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--no-cache", "services/fifthwheel"],
            cwd=grown.root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("service", "auth"),
        ("service", "class"),
        ("service", "a-b"),
        ("service", ""),
        ("service", "toys", "--port", "8005"),
        ("service", "toys", "--port", "high"),
        ("service-remove", ""),
        ("service-remove", "toys"),
    ],
)
def test_invalid_arguments_are_refused_before_anything_is_written(
    repository: Repository, words: tuple[str, ...]
) -> None:
    said = repository.refuses(*words)
    assert "Traceback" not in said
    assert not (repository.root / ".state").exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("NAME=auth", "services.toml has [auth]"),
        ("PORT=1", "NAME is missing: make service NAME=reviews"),
        ('NAME=x"; $(exit) `exit`', "cannot be the name of a service"),
    ],
)
def test_make_uses_typed_values_and_ignores_the_environment(
    repository: Repository, typed: str, said: str
) -> None:
    result = subprocess.run(
        ["make", "service", typed],
        cwd=repository.root,
        # The packages are installed already. CATHOUSE_NIX prevents another installation.
        env={
            **os.environ, "CATHOUSE_NIX": "1", "NAME": "fifthwheel", "PORT": "80",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode != 0
    assert said in result.stderr
    assert repository.changed == []


def test_a_service_is_removed_completely_and_can_be_created_again(grown: Repository) -> None:
    # The service was created beside the cache of an earlier one.
    assert "?? services/fifthwheel/README.md" in grown.changed
    grown.leave_cache()
    said = grown.says("service-remove", "fifthwheel")
    assert "cathouse-postgres drop fifthwheel" in said
    assert grown.changed == []
    assert not (grown.root / "services/fifthwheel").exists()


def test_a_service_with_changes_that_are_not_committed_is_not_removed(grown: Repository) -> None:
    folder = grown.root / "services/fifthwheel"
    settings = folder / "cathouse_fifthwheel/settings.py"
    settings.write_text(settings.read_text() + "\n# mine\n")
    (folder / "notes.txt").write_text("mine")
    (folder / ".env").write_text("LOG_LEVEL=DEBUG\n")
    manifest = grown.root / "deploy/kubernetes/base/fifthwheel.yaml"
    manifest.write_text(manifest.read_text() + "# mine\n")
    said = grown.refuses("service-remove", "fifthwheel")
    assert "deploy/kubernetes/base/fifthwheel.yaml (changed" in said
    assert "services/fifthwheel/cathouse_fifthwheel/settings.py (changed)" in said
    assert "services/fifthwheel/notes.txt (added)" in said
    assert "services/fifthwheel/.env (added)" in said
    assert "README.md" not in said

    (folder / ".env").unlink()
    grown.commit()
    grown.says("service-remove", "fifthwheel")
    assert not folder.exists()
    grown.commit()
    assert grown.git("diff", "--stat", "HEAD~2") == ""


def test_a_service_with_callers_or_a_released_api_is_not_removed(repository: Repository) -> None:
    said = repository.refuses("service-remove", "auth")
    assert re.match(r"cannot remove auth: it is in `calls` of catalog, installation, proxy\b", said)
    assert "The API has changes that break its callers" in repository.refuses(
        "service-remove", "proxy"
    )


def test_a_file_that_is_not_committed_is_not_overwritten(repository: Repository) -> None:
    readme = repository.root / "README.md"
    readme.write_text(readme.read_text() + "\nmine\n")
    (repository.root / "docs/openapi/fifthwheel.json").write_text("{}")
    said = repository.refuses("service", "fifthwheel")
    assert said.startswith("this command would change files that are not committed: ")
    assert ": README.md, docs/openapi/fifthwheel.json. Commit or stash them first\n" in said
    assert len(said.splitlines()) == 1
    assert not (repository.root / "services/fifthwheel").exists()


def test_changes_of_other_files_do_not_prevent_the_command(grown: Repository) -> None:
    # The service was created with this change, too.
    grown.change_another_file()
    grown.says("service-remove", "fifthwheel")
    assert grown.changed == [f" M {ANOTHER_FILE}"]


def test_a_second_service_needs_a_commit_of_the_first(grown: Repository) -> None:
    said = grown.refuses("service", "badger")
    assert re.search(
        r"not committed: README\.md, .* and \d+ more\. Commit or stash them first\n$", said
    )


def test_changes_in_a_shared_file_prevent_the_removal(grown: Repository) -> None:
    readme = grown.root / "README.md"
    readme.write_text(readme.read_text() + "\nmine\n")
    said = grown.refuses("service-remove", "fifthwheel")
    assert "not committed: README.md. Commit or stash them first" in said


def test_a_failure_prints_the_command_that_undoes_the_changes(repository: Repository) -> None:
    template = "tools/scaffold/service/template/{{ package }}/main.py.jinja"
    with (repository.root / template).open("a") as main:
        main.write("raise RuntimeError('no')\n")
    result = repository.run("service", "fifthwheel")
    assert result.returncode == 1
    assert "RuntimeError: no" in result.stderr
    assert "?? services/fifthwheel/README.md" in repository.changed
    repository.undo(result.stderr)
    assert repository.changed == [f' M "{template}"']


def test_a_failed_removal_can_be_undone(grown: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    grown.commit()

    def failing(root: Path, texts: Texts) -> None:
        write(root, texts)
        (root / "services/fifthwheel/README.md").unlink()
        raise OSError("No space left on device")

    monkeypatch.setattr(removal, "write", failing)
    with pytest.raises(OSError, match="No space") as failed:
        removal.remove(grown.root, "fifthwheel")
    for path in ("services.toml", "services/fifthwheel/README.md", "docs/openapi/fifthwheel.json"):
        assert re.search(rf"^ [MD] {path}$", "\n".join(grown.changed), re.MULTILINE)
    grown.undo("\n".join(failed.value.__notes__))
    assert grown.changed == []


def test_ctrl_c_prints_the_command_that_undoes_the_changes(repository: Repository) -> None:
    process = subprocess.Popen(
        repository.command("service", "fifthwheel"),
        cwd=repository.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    created = repository.root / "services/fifthwheel"
    wait_until(lambda: created.exists() or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    repository.undo(said)
    assert repository.changed == []


def test_rendering_needs_no_git_and_no_clean_tree(repository: Repository) -> None:
    readme = repository.root / "README.md"
    readme.write_text(readme.read_text().replace("| 8005 |", "| 8006 |") + "\nmine\n")
    result = repository.run("render", PATH="")
    assert (result.returncode, result.stdout) == (0, "README.md\n"), result.stderr
    text = readme.read_text()
    assert "| 8005 |" in text
    assert text.endswith("\nmine\n")


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
