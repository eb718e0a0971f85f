"""The parts of one running dashboard. Pages get it as `request.app.state.dashboard`."""

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment
from starlette.requests import Request

from cathouse_dashboard.live import Live
from cathouse_dashboard.settings import Endpoint, Settings
from cathouse_dashboard.stack import Stack
from cathouse_dashboard.store.queries import Queries
from cathouse_dashboard.store.writer import Writer

_COLOURS = 8


@dataclass(frozen=True, slots=True)
class Dashboard:
    settings: Settings
    writer: Writer
    queries: Queries
    live: Live
    stack: Stack
    templates: Environment

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        return self.settings.endpoints

    @property
    def service_names(self) -> list[str]:
        return [endpoint.name for endpoint in self.endpoints]

    def service_class(self, name: str) -> str:
        """Return the CSS class with the colour of a service; others share one."""
        names = self.service_names
        return f"service-{names.index(name) % _COLOURS}" if name in names else "service-other"

    def problems(self) -> list[str]:
        """Return what is wrong with the dashboard itself, in sentences."""
        found = []
        if self.writer.problem:
            found.append(
                f"Telemetry is being lost, because it cannot be written: {self.writer.problem}. "
                "Free some disk space; the services are not affected."
            )
        for reason, count in sorted(self.writer.lost.items()):
            found.append(
                f"{count:,} records of this run were lost: {reason}. The services are not affected."
            )
        if self.stack.now.problem:
            found.append(f"The states of processes are not known: {self.stack.now.problem}.")
        return found


def dashboard_of(request: Request) -> Dashboard:
    dashboard: Dashboard = request.app.state.dashboard
    return dashboard
