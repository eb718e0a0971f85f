"""Before anything starts: free ports, settings where they are read, and the token that the services share."""

import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from cathouse_kit.registry import Service
from dotenv import dotenv_values

from cathouse_stack.errors import StackError
from cathouse_stack.ports import cat_port, listener_on, places

SERVICE_TOKEN_FILE = Path(".state/secrets/service_token")


def preflight(services: Sequence[Service]) -> None:
    """Raises `StackError` with a line for everything that would keep the stack from starting."""
    if problems := [*_taken_ports(services), *_misplaced_settings(services)]:
        raise StackError("\n".join(problems))
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


def _taken_ports(services: Sequence[Service]) -> Iterator[str]:
    ports = {place.service.name: place.port for place in places(services)} | {"tasks": cat_port()}
    for name, port in ports.items():
        if listener := listener_on(port):
            yield (
                f"port {port}, for {name}, is taken by {listener}. "
                f"Stop that, or move the whole stack: make up PORT_OFFSET=100"
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
