"""Docker for the tests: its command line, and a composed stack in a separate folder."""

import json
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cathouse_kit.registry import load_registry
from cathouse_kit.testing import free_ports

ROOT = Path(__file__).parents[2]
SERVICES = load_registry(ROOT / "services.toml")
NAMES = tuple(service.name for service in SERVICES)
SOURCES = ("deploy", "examples", "images", "kit", "platform", "requirements", "services", "tools")
TAG = os.environ.get("CATHOUSE_TAG", "dev")
# Outside of the subnets that compose.yaml, deploy/swarm and engines use by default.
_SUBNETS = (f"10.77.{n}.0/24" for n in range(128, 256))
# Prints the status and the body of a GET to a port of the container. 0 means no response.
PROBE = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
try:
    connection.request("GET", sys.argv[2])
    answer = connection.getresponse()
    print(answer.status, answer.read().decode(), sep="\\n")
except OSError as error:
    print(0, error, sep="\\n")
"""


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

    def containers(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the name of the service of each container, and the engine's data on the container."""
        found = map(inspect, self.compose("ps", "--all", "--quiet").split())
        return [(each["Config"]["Labels"]["com.docker.compose.service"], each) for each in found]

    def replicas(self, name: str) -> list[dict[str, Any]]:
        """Return the engine's data on the containers of a service."""
        return [inspect(each) for each in self.compose("ps", "--all", "--quiet", name).split()]

    @property
    def address(self) -> str:
        return f"https://localhost:{self.environment['GATEWAY_HTTPS_PORT']}"

    def authority(self) -> str:
        """Return the certificate of the gateway's own authority."""
        return self.compose(
            "exec", "-T", "gateway", "cat", "/data/caddy/pki/authorities/local/root.crt"
        )

    def client(self) -> httpx.Client:
        """Return a client of the gateway, which trusts the gateway's own authority alone."""
        trusted = ssl.create_default_context(cadata=self.authority())
        return httpx.Client(base_url=self.address, verify=trusted, timeout=20, trust_env=False)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        with self.client() as client:
            return client.request(method, path, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def probe(self, container: str, port: int, path: str) -> tuple[int, str]:
        """Send a GET to a replica from inside its container. Return the status and the body, or 0 and the error."""
        try:
            said = docker("exec", container, "python", "-c", PROBE, str(port), path)
        except CommandFailed as error:  # the container starts again
            return 0, str(error)
        status, _, body = said.partition("\n")
        return int(status), body

    def probes(self, name: str, path: str) -> list[tuple[int, str]]:
        """Send a GET to each replica of a service, as `probe` does."""
        (port,) = (service.port for service in SERVICES if service.name == name)
        return [self.probe(each["Id"], port, path) for each in self.replicas(name)]

    def ready(self, name: str) -> bool:
        """Return whether all replicas of a service are ready."""
        return all(status == 200 for status, _ in self.probes(name, "/health/ready"))

    def python(self, name: str, source: str) -> str:
        """Run a Python program in a container of a service. Return its output. Raises `CommandFailed`."""
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
    http, https = map(str, free_ports(2))
    stack = Stack(folder, project, ("compose.yaml", *files))
    stack.environment.update(
        CATHOUSE_SUBNET=next(_SUBNETS), GATEWAY_HTTP_PORT=http, GATEWAY_HTTPS_PORT=https
    )
    try:
        if secrets:
            stack.compose("run", "--rm", "secrets")
        yield stack
    finally:
        stack.run("docker", "compose", "--profile=secrets", "down", "--volumes", "--timeout=1")
