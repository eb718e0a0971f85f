"""The settings of the dashboard, from the variables and the folder of the stack."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cathouse_kit.registry import Service

PORT_VARIABLE = "DASHBOARD_PORT"
PORT = 8001
TOKEN_FILE = Path("secrets", "dashboard", "token")


class DashboardError(Exception):
    """The dashboard cannot start or cannot show something; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a service of this stack."""

    service: Service
    port: int

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Settings:
    state: Path
    """The stack's folder for what it keeps, `.state`."""
    port: int
    token: str
    endpoints: tuple[Endpoint, ...]

    @property
    def telemetry(self) -> Path:
        return self.state / "telemetry"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def runner_socket(self) -> Path:
        return self.state / "process-compose.sock"

    @property
    def address(self) -> str:
        """The first address to open: the token in it becomes a cookie."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"


def load_settings(
    services: Sequence[Service], state: Path, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Read the settings. Raises `DashboardError` where the stack has created no token, or a port is no port."""
    try:
        token = (state / TOKEN_FILE).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise DashboardError(
            f"{state / TOKEN_FILE} is absent. Start the stack, which creates it: make up"
        ) from None
    return Settings(
        state=state,
        port=_port(environ, PORT_VARIABLE, PORT),
        token=token,
        endpoints=tuple(
            Endpoint(service, _port(environ, service.port_variable, service.port))
            for service in services
        ),
    )


def _port(environ: Mapping[str, str], variable: str, default: int) -> int:
    value = environ.get(variable) or str(default)
    if not value.isdecimal() or not 1 <= int(value) <= 65535:
        raise DashboardError(f"{variable}={value} is not a port. Give a number from 1 to 65535")
    return int(value)
