"""Docker, as the tests use it: its command line, and a composed stack in a folder of its own."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cathouse_kit.registry import load_registry
from cathouse_kit.testing import free_ports, is_ready

ROOT = Path(__file__).parents[2]
SERVICES = load_registry(ROOT / "services.toml")
NAMES = tuple(service.name for service in SERVICES)
SOURCES = ("deploy", "examples", "images", "kit", "platform", "requirements", "services", "tools")
TAG = os.environ.get("CATHOUSE_TAG", "dev")


class CommandFailed(AssertionError):
    """A command ended with another status than 0."""


def run(
    *words: str, cwd: Path = ROOT, environment: dict[str, str] | None = None, seconds: float = 600
) -> subprocess.CompletedProcess[str]:
    """Runs a command; its output is text, standard error included."""
    return subprocess.run(
        words,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )


def docker(*words: str, cwd: Path = ROOT) -> str:
    """What `docker` prints. Raises `CommandFailed`."""
    result = run("docker", *words, cwd=cwd)
    if result.returncode:
        raise CommandFailed(f"docker {' '.join(words)}: {result.stdout}")
    return result.stdout.strip()


def in_image(image: str, *words: str, options: tuple[str, ...] = ()) -> str:
    """What a program prints that is run in an image, in the place of its own, without a network."""
    return docker(
        "run", "--rm", "--network=none", *options, f"--entrypoint={words[0]}", image, *words[1:]
    )


def inspect(name: str) -> dict[str, Any]:
    """What the engine knows of an image or a container."""
    found: list[dict[str, Any]] = json.loads(docker("inspect", name))
    return found[0]


@dataclass
class Stack:
    """Cat House by compose.yaml, in a copy of what that needs."""

    folder: Path
    project: str
    files: tuple[str, ...] = ("compose.yaml",)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        return {
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_FILE": ":".join(self.files),
            "CATHOUSE_TAG": TAG,
            **self.environment,
        }

    def run(self, *words: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        return run(*words, cwd=self.folder, environment=self.variables, seconds=seconds)

    def compose(self, *words: str) -> str:
        """What `docker compose` prints. Raises `CommandFailed`."""
        result = self.run("docker", "compose", "--ansi=never", *words)
        if result.returncode:
            raise CommandFailed(f"docker compose {' '.join(words)}: {result.stdout}")
        return result.stdout.strip()

    def start(self) -> float:
        """Starts it as docs/how-to/operations.md says; returns how many seconds that took."""
        began = time.monotonic()
        result = self.run("deploy/compose/up.sh")
        assert result.returncode == 0, f"{result.stdout}\n{self.logs()}"
        return time.monotonic() - began

    def logs(self, *services: str) -> str:
        return self.run(
            "docker", "compose", "--ansi=never", "logs", "--no-log-prefix", *services
        ).stdout

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of the containers, by service."""
        ids = self.compose("ps", "--all", "--quiet").split()
        found = [inspect(each) for each in ids]
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in found}

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.environment[f'{name.upper()}_PORT']}"

    def ready(self, name: str) -> bool:
        return is_ready(self.url(name))

    def get(self, name: str, path: str) -> httpx.Response:
        return httpx.get(self.url(name) + path, timeout=10, trust_env=False)

    def python(self, name: str, source: str) -> str:
        """What a Python program prints that is run inside a service's container. Raises `CommandFailed`."""
        return self.compose("exec", "-T", name, "python", "-c", source)

    def sql(self, statement: str) -> str:
        """What a statement returns in the database `cathouse`, one row a line."""
        return self.compose(
            "exec", "-T", "postgres", "psql", "--username=postgres", "--dbname=cathouse",
            "--no-align", "--tuples-only", "--command", statement,
        )  # fmt: skip

    def down(self, *options: str) -> None:
        self.compose("down", "--timeout=25", *options)


def copy_sources(folder: Path) -> None:
    """Puts what compose.yaml refers to into a folder."""
    ignore = shutil.ignore_patterns("__pycache__", "tests", ".env")
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("compose.yaml", "compose.dev.yaml", "services.toml", ".dockerignore"):
        shutil.copy(ROOT / name, folder / name)


@contextmanager
def composed(folder: Path, project: str, *files: str, secrets: bool = True) -> Iterator[Stack]:
    """A stack with secrets and ports of its own, not yet started; nothing of it, data included, is left afterwards."""
    copy_sources(folder)
    ports = free_ports(len(NAMES))
    stack = Stack(folder, project, ("compose.yaml", *files))
    stack.environment.update(
        {f"{name.upper()}_PORT": str(port) for name, port in zip(NAMES, ports, strict=True)}
    )
    try:
        if secrets:
            stack.compose("run", "--rm", "secrets")
        yield stack
    finally:
        stack.run("docker", "compose", "--profile=secrets", "down", "--volumes", "--timeout=1")
