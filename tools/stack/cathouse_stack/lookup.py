"""Find the service that a command names, and check that the stack runs."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path

from cathouse_kit.registry import Service

from cathouse_stack.errors import StackError
from cathouse_stack.ports import endpoints

SOCKET = Path(".state/process-compose.sock")
"""The control socket of the runner."""


def find_service(services: Sequence[Service], name: str) -> Service:
    """Return the service of this name. Raises `StackError` with the known names when it does not exist."""
    known = ", ".join(service.name for service in services)
    if not name:
        raise StackError(f"Name a service: SERVICE={services[0].name}. Use one of {known}")
    for service in services:
        if service.name == name:
            return service
    raise StackError(f"SERVICE={name}: no service has this name. Use one of {known}")


def require_running_stack() -> None:
    """Raise `StackError` unless a runner listens on the control socket."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(SOCKET))
        except OSError:
            raise StackError(
                "The stack is not running. Start it in another terminal: make up"
            ) from None


def enter_service(services: Sequence[Service], service: Service) -> None:
    """Change to the folder of a service, and set the same variables as the stack does."""
    found = endpoints(services)
    os.environ.setdefault("SECRETS_DIR", "../../.state/secrets")
    for endpoint in found:
        os.environ.setdefault(endpoint.service.url_variable, endpoint.url)
        if endpoint.service == service:
            os.environ.setdefault("PORT", str(endpoint.port))
    os.chdir(Path("services", service.name))
