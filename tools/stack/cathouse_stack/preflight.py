"""Before anything starts: free ports, settings where they are read, and the token that the services share."""

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from cathouse_kit.registry import Service
from dotenv import dotenv_values

from cathouse_stack.errors import StackError
from cathouse_stack.ports import endpoints, listener_on, other_ports

# Of libpq, the web server, OpenTelemetry, Python, and the tools of the stack: no service's example lists them.
_FAMILIES = ("PG", "UVICORN_", "OTEL_")
_VARIABLES = {
    "POSTGRES_BIN",
    "POSTGRES_URL",
    "PYTHONHOME",
    "PYTHONPATH",
    "SECRETS_DIR",
    "STATE_DIR",
    "WEB_CONCURRENCY",
}
# process-compose.yaml sets these for every process, whatever the shell says.
_OF_THE_STACK = {"LOG_FORMAT", "PROXY_ALLOW_PRIVATE_UPSTREAMS", "SECRETS_DIR"}

SERVICE_TOKEN_FILE = Path(".state/secrets/service_token")


def preflight(services: Sequence[Service]) -> None:
    """Raises `StackError` with a line for all that would keep the stack from starting, or change it unnoticed."""
    problems = [
        *_missing_programs(),
        *_taken_ports(services),
        *_misplaced_settings(services),
        *_foreign_variables(services),
    ]
    if problems:
        raise StackError("\n".join(problems))
    if names := [name for name in _not_inherited() or () if _changes_the_stack(name)]:
        print(
            f"not passed on from the shell: {', '.join(sorted(names))}. Write a setting into services/NAME/.env,"
            f" or type it after make for one run: make up {min(names)}=…"
        )
    make_service_token(SERVICE_TOKEN_FILE)


def make_service_token(path: Path) -> None:
    """Makes the token at random, readable to its owner only, unless it is there."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(32))
    temporary.rename(path)


def _missing_programs() -> Iterator[str]:
    if shutil.which("caddy") is None:
        yield "caddy, which serves the gateway, is not on PATH: run make install, or enter the Nix shell"


def _taken_ports(services: Sequence[Service]) -> Iterator[str]:
    ports = {endpoint.service.name: endpoint.port for endpoint in endpoints(services)}
    ports |= other_ports()
    for name, port in ports.items():
        if listener := listener_on(port):
            yield (
                f"port {port}, for {name}, is taken by {listener}. "
                f"Stop that, or move the whole stack: make up PORT_OFFSET=100"
            )


def _foreign_variables(services: Sequence[Service]) -> Iterator[str]:
    """A line for each variable of the shell that would change the stack, where nothing has kept it out."""
    if _not_inherited() is not None:
        return
    ours = {*_OF_THE_STACK, *(service.url_variable for service in services)}
    if os.environ.get("CATHOUSE_NIX"):
        ours.add("PYTHONPATH")  # nixpkgs sets it in its shells
    for name in sorted(os.environ.keys() - ours):
        if _changes_the_stack(name):
            yield (
                f"{name} is set in the shell, and would change the stack: unset it, write a setting into"
                f" services/NAME/.env, or start with make up, which passes on no variable of other programs"
            )


def _not_inherited() -> list[str] | None:
    """The variables of the shell that make did not pass on; None where the stack was not started by make."""
    names = os.environ.get("CATHOUSE_NOT_INHERITED")
    return None if names is None else names.split()


def _changes_the_stack(name: str) -> bool:
    return name.startswith(_FAMILIES) or name in _VARIABLES or name in _settings()


@cache
def _settings() -> frozenset[str]:
    """The settings of all services, as the rendered examples list them."""
    return frozenset(
        name
        for path in Path("services").glob("*/.env.example")
        for name in re.findall(
            r"^(?:# )?([A-Z][A-Z0-9_]*)=", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    )


def _misplaced_settings(services: Sequence[Service]) -> Iterator[str]:
    if Path(".env").exists():
        folders = ", ".join(f"services/{service.name}/.env" for service in services)
        yield f".env in the repository's root is read by no service: move what it says to {folders}"
    for service in services:
        path = Path("services", service.name, ".env")
        if path.is_file() and "PORT" in dotenv_values(path):
            yield (
                f"{path} sets PORT, but this stack needs to know it too: "
                f"remove it there, and give {service.port_variable} in the environment"
            )
