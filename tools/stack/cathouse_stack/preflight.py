"""Checks before the start of the stack: free ports, and settings only where services read them.

The checks also create the token that the services share.
"""

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

# Variables of libpq, the web server, OpenTelemetry, Python, and the tools of the stack. No .env.example lists them.
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
# process-compose.yaml sets these for every process, so values of the shell have no effect.
_OF_THE_STACK = {"LOG_FORMAT", "PROXY_ALLOW_PRIVATE_UPSTREAMS", "SECRETS_DIR"}

SERVICE_TOKEN_FILE = Path(".state/secrets/service_token")
DASHBOARD_TOKEN_FILE = Path(".state/secrets/dashboard/token")


def preflight(services: Sequence[Service]) -> None:
    """Check everything that would prevent the start of the stack or change the stack unnoticed.

    Raises `StackError` with one line for each problem.
    """
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
            f"These variables are not passed on from the shell: {', '.join(sorted(names))}. "
            "To change a setting, write it into services/NAME/.env, "
            f"or for one run add it to the command: make up {min(names)}=…"
        )
    make_token(SERVICE_TOKEN_FILE)
    make_token(DASHBOARD_TOKEN_FILE)


def make_token(path: Path) -> None:
    """Write a random token into `path`, readable only by its owner, unless the file exists."""
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
                f"port {port} of {name} is in use by {listener}. "
                f"Stop that process, or move the whole stack: make up PORT_OFFSET=100"
            )


def _foreign_variables(services: Sequence[Service]) -> Iterator[str]:
    """Yield a line for each variable of the shell that would change the stack.

    make removes such variables, so there are none when make started the stack.
    """
    if _not_inherited() is not None:
        return
    ours = {*_OF_THE_STACK, *(service.url_variable for service in services)}
    if os.environ.get("CATHOUSE_NIX"):
        ours.add("PYTHONPATH")  # nixpkgs sets it in its shells
    for name in sorted(os.environ.keys() - ours):
        if _changes_the_stack(name):
            yield (
                f"{name} is set in the shell and would change the stack. Unset it, or run `make up`, which ignores it. "
                "Write settings into services/NAME/.env"
            )


def _not_inherited() -> list[str] | None:
    """Return the variables of the shell that make did not pass on, or None without make."""
    names = os.environ.get("CATHOUSE_NOT_INHERITED")
    return None if names is None else names.split()


def _changes_the_stack(name: str) -> bool:
    return name.startswith(_FAMILIES) or name in _VARIABLES or name in _settings()


@cache
def _settings() -> frozenset[str]:
    """Return the names of all settings of all services, from the generated .env.example files."""
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
        yield f"no service reads .env in the root of the repository: move its settings to {folders}"
    for service in services:
        path = Path("services", service.name, ".env")
        if path.is_file() and "PORT" in dotenv_values(path):
            yield (
                f"{path} sets PORT, which the other parts of the stack cannot see: "
                f"remove it there, and set {service.port_variable} in the environment"
            )
