"""The ports of the development stack, from the environment or else from the registry."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from cathouse_kit.registry import Service

from cathouse_stack.errors import StackError

# Processes that are not services of the platform. The registry does not list them.
_OTHER_PORTS = {"gateway": 8000, "dashboard": 8001, "tasks": 8010}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a service in this stack."""

    service: Service
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def endpoints(services: Sequence[Service]) -> tuple[Endpoint, ...]:
    """Return the address of each service, from NAME_PORT in the environment or else from the registry.

    Raises `StackError` for a value that is not a port.
    """
    return tuple(
        Endpoint(service, _port(service.port_variable, service.port)) for service in services
    )


def _port(variable: str, default: int) -> int:
    value = os.environ.get(variable) or str(default)
    if not value.isdecimal() or not 1 <= int(value) <= 65535:
        raise StackError(f"{variable}={value} is not a port: use a number from 1 to 65535")
    return int(value)


def other_ports() -> dict[str, int]:
    """Return the port of each process that is not a service: the gateway, the example cat `tasks`, and the dashboard.

    NAME_PORT in the environment moves one. A dashboard that is off has none. Raises `StackError` for a value that is
    not a port.
    """
    names = set(_OTHER_PORTS)
    if os.environ.get("DASHBOARD_DISABLED") == "true":
        names.remove("dashboard")
    return {name: _port(_variable(name), _OTHER_PORTS[name]) for name in sorted(names)}


def _variable(name: str) -> str:
    return f"{name.upper()}_PORT"


def shifted(services: Sequence[Service], offset: str) -> dict[str, str]:
    """Return the variables that move all processes of the stack by `offset` ports.

    Raises `StackError` when `offset` is not a number, or when a port would be above 65535.
    """
    ports = {service.port_variable: service.port for service in services} | {
        _variable(name): port for name, port in _OTHER_PORTS.items()
    }
    highest = 65535 - max(ports.values())
    if not offset.isdecimal() or int(offset) > highest:
        raise StackError(f"PORT_OFFSET={offset} is not valid: use a number from 0 to {highest}")
    return {variable: str(port + int(offset)) for variable, port in ports.items()}


def listener_on(port: int) -> str | None:
    """Return a description of the process that listens on a TCP port of this machine, or None."""
    if _is_free(port):
        return None
    # Imported only for a port in use, because psutil then reads the open files of every process of the machine.
    import psutil

    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # on macOS only root can list connections
        return "another process"
    for connection in connections:
        if (
            connection.status == psutil.CONN_LISTEN
            and getattr(connection.laddr, "port", None) == port
        ):
            return _describe(connection.pid)
    return "another process"


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        # The services set the same option, so connections of the previous run that are still closing do not matter.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _describe(pid: int | None) -> str:
    import psutil

    if pid is None:
        return "a process of another user"
    try:
        process = psutil.Process(pid)
        command = " ".join(process.cmdline())[:80]
        return f"process {pid} in {process.cwd()}: {command}"
    except psutil.Error:
        return f"process {pid}"
