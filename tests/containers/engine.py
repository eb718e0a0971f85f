"""Docker for the tests: its command line, and a composed stack in a separate folder."""

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
    """A command that ended with a status other than 0."""


def run(
    *words: str, cwd: Path = ROOT, environment: dict[str, str] | None = None, seconds: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run a command. Return its result, with standard error in its output."""
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
    """Return the output of `docker`. Raises `CommandFailed`."""
    result = run("docker", *words, cwd=cwd)
    if result.returncode:
        raise CommandFailed(f"docker {' '.join(words)}: {result.stdout}")
    return result.stdout.strip()


def in_image(image: str, *words: str, options: tuple[str, ...] = ()) -> str:
    """Run another program in an image, without a network. Return its output."""
    return docker(
        "run", "--rm", "--network=none", *options, f"--entrypoint={words[0]}", image, *words[1:]
    )


def inspect(name: str) -> dict[str, Any]:
    """Return the engine's data on an image or a container."""
    found: list[dict[str, Any]] = json.loads(docker("inspect", name))
    return found[0]


@dataclass
class Stack:
    """Cat House, started from a copy of compose.yaml and its files."""

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
        """Return the output of `docker compose`. Raises `CommandFailed`."""
        result = self.run("docker", "compose", "--ansi=never", *words)
        if result.returncode:
            raise CommandFailed(f"docker compose {' '.join(words)}: {result.stdout}")
        return result.stdout.strip()

    def start(self) -> float:
        """Start the stack as docs/how-to/deploy-with-compose.md describes. Return the seconds that it took."""
        began = time.monotonic()
        result = self.run("deploy/compose/up.sh")
        assert result.returncode == 0, f"{result.stdout}\n{self.logs()}"
        return time.monotonic() - began

    def logs(self, *services: str) -> str:
        return self.run(
            "docker", "compose", "--ansi=never", "logs", "--no-log-prefix", *services
        ).stdout

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return the engine's data on the containers, by service."""
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
        """Run a Python program in a service's container. Return its output. Raises `CommandFailed`."""
        return self.compose("exec", "-T", name, "python", "-c", source)

    def sql(self, statement: str) -> str:
        """Run a statement in the database `cathouse`. Return its rows, one a line."""
        return self.compose(
            "exec", "-T", "postgres", "psql", "--username=postgres", "--dbname=cathouse",
            "--no-align", "--tuples-only", "--command", statement,
        )  # fmt: skip

    def down(self, *options: str) -> None:
        self.compose("down", "--timeout=25", *options)


def copy_sources(folder: Path) -> None:
    """Copy the files that compose.yaml refers to into a folder."""
    ignore = shutil.ignore_patterns("__pycache__", "tests", ".env")
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("compose.yaml", "compose.dev.yaml", "services.toml", ".dockerignore"):
        shutil.copy(ROOT / name, folder / name)


@contextmanager
def composed(folder: Path, project: str, *files: str, secrets: bool = True) -> Iterator[Stack]:
    """Prepare a stack with its own secrets and ports, without starting it. Removes it and its data afterwards."""
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
