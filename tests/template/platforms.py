"""Platforms that copier creates from this repository, each in its own folder with its own packages."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cathouse_kit.testing import wait_until

ROOT = Path(__file__).parents[2]
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
OFFSET = str(int(os.environ.get("PORT_OFFSET", "4000")) + 100 * WORKER)
"""Moves the ports of the started platforms, away from other stacks on this machine. Each worker has its own."""


def run(*words: str | Path, folder: Path, status: int = 0) -> str:
    """Run a command with this status, and return its output, without colours."""
    result = subprocess.run(
        words, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == status, result.stdout
    return result.stdout


def environment() -> dict[str, str]:
    """Return the variables of an ordinary shell: those of this run of tests would reach other packages."""
    names = ("HOME", "LANG", "TMPDIR", "SSL_CERT_FILE")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    prefixes = ("PIP_", "UV_", "HTTP", "NO_PROXY")
    kept |= {name: value for name, value in os.environ.items() if name.upper().startswith(prefixes)}
    own = str(Path(sys.executable).parent)
    path = [part for part in os.environ["PATH"].split(os.pathsep) if part != own]
    return {**kept, "PATH": os.pathsep.join(path), "NO_COLOR": "1"}


class Repository:
    """A folder in git."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def git(self, *words: str, status: int = 0) -> str:
        me = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        return run("git", *me, *words, folder=self.folder, status=status)

    def commit(self) -> str:
        """Commit everything, and return the commit."""
        if not (self.folder / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=All", "--allow-empty")
        return self.git("rev-parse", "HEAD").strip()

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.folder / path
        text = file.read_text()
        assert text.count(old) == 1, path
        file.write_text(text.replace(old, new))


@dataclass
class Platform(Repository):
    """A platform that copier has created."""

    folder: Path
    display: str

    def make(self, *words: str, status: int = 0) -> str:
        return run("make", "--no-print-directory", *words, folder=self.folder, status=status)

    def pytest(self, *words: str) -> str:
        python = self.folder / ".venv/bin/python"
        return run(
            python,
            "-m",
            "pytest",
            "-q",
            "-n",
            "auto",
            "--dist",
            "loadgroup",
            *words,
            folder=self.folder,
        )

    def mentions_of_the_origin(self) -> list[str]:
        return self.git("grep", "-iE", "cat[ _-]?house").splitlines()

    @contextmanager
    def up(self) -> Iterator[float]:
        """Start the development stack, and yield the seconds until all services were ready."""
        began = time.monotonic()
        log = self.folder / ".state/up.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("w") as output:
            process = subprocess.Popen(
                ["make", "up", f"PORT_OFFSET={OFFSET}"],
                cwd=self.folder, env=environment(), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:

            def ended_or_up() -> bool:
                return process.poll() is not None or f"{self.display} is up" in log.read_text()

            wait_until("the platform", ended_or_up, 300)
            assert process.poll() is None, log.read_text()
            yield time.monotonic() - began
        finally:
            if process.poll() is None:
                self.make("down")
            process.wait(60)


def origin(folder: Path) -> Repository:
    """Return a repository with the files of this one, also those that are not committed, as its first commit."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    repository = Repository(folder)
    repository.commit()
    return repository


def copy(source: Repository, folder: Path, answers: Mapping[str, str], status: int = 0) -> str:
    """Run `copier copy`, with the defaults for all other questions."""
    data = [word for name, value in answers.items() for word in ("--data", f"{name}={value}")]
    return run(
        sys.executable, "-m", "copier", "copy", "--quiet", "--trust", "--defaults", "--vcs-ref=HEAD",
        *data, source.folder, folder, folder=folder.parent, status=status,
    )  # fmt: skip


def create(source: Repository, folder: Path, answers: Mapping[str, str]) -> Platform:
    """Create a platform and commit it, as docs/how-to/make-it-yours.md says."""
    began = time.monotonic()
    copy(source, folder, answers)
    print(f"{json.dumps(answers)}: copier copy took {time.monotonic() - began:.0f} s")
    platform = Platform(folder, answers["display_name"])
    platform.commit()
    return platform


def checked(platform: Platform) -> None:
    """The name of the origin is in one line, and `make check` finds nothing that it would change."""
    (origin,) = platform.mentions_of_the_origin()
    assert origin.startswith(".copier-answers.yml:_src_path: ")
    platform.make("check")
    assert platform.git("status", "--porcelain") == ""


def started(platform: Platform) -> None:
    """All services become ready, and the demonstration runs through what is there."""
    with platform.up() as seconds:
        print(f"{platform.display}: make up took {seconds:.0f} s")
        assert "The demo is complete" in platform.make("demo", f"PORT_OFFSET={OFFSET}")
