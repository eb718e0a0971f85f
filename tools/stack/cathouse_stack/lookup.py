"""The service that a command names, and whether the stack runs."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path

from cathouse_kit.registry import Service

from cathouse_stack.errors import StackError
from cathouse_stack.ports import endpoints

SOCKET = Path(".state/process-compose.sock")
"""The runner's control socket."""


def find_service(services: Sequence[Service], name: str) -> Service:
    """Return the service of this name. Raises `StackError` with the known names where there is none."""
    known = ", ".join(service.name for service in services)
    if not name:
        raise StackError(f"Name a service: SERVICE={services[0].name}. Known are {known}")
    for service in services:
        if service.name == name:
            return service
    raise StackError(f"SERVICE={name}: there is no such service. Known are {known}")


def require_running_stack() -> None:
    """Raises `StackError` where nobody listens on the runner's control socket."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(SOCKET))
        except OSError:
            raise StackError(
                "The stack does not run. Start it in another terminal: make up"
            ) from None


def enter_service(services: Sequence[Service], service: Service) -> None:
    """Change to the folder of a service, and set the variables that the stack sets for it."""
    found = endpoints(services)
    os.environ.setdefault("SECRETS_DIR", "../../.state/secrets")
    for endpoint in found:
        os.environ.setdefault(endpoint.service.url_variable, endpoint.url)
        if endpoint.service == service:
            os.environ.setdefault("PORT", str(endpoint.port))
    os.chdir(Path("services", service.name))
