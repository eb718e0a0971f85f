"""Tools for tests: trusted tokens, the tested service with fakes of other services, its database, processes."""

from cathouse_kit.testing.database import (
    DatabasePath,
    Execute,
    empty_tables,
    execute_with,
    recorded_statements,
)
from cathouse_kit.testing.descriptions import Descriptions
from cathouse_kit.testing.processes import (
    eventually,
    free_port,
    free_ports,
    is_ready,
    wait_until,
)
from cathouse_kit.testing.services import (
    Answer,
    FakeServices,
    RevocationList,
    described_routes,
    identity_server,
    recorded_events,
    running,
    serving,
)
from cathouse_kit.testing.tokens import Issuer, bearer

__all__ = [
    "Answer",
    "DatabasePath",
    "Descriptions",
    "Execute",
    "FakeServices",
    "Issuer",
    "RevocationList",
    "bearer",
    "described_routes",
    "empty_tables",
    "eventually",
    "execute_with",
    "free_port",
    "free_ports",
    "identity_server",
    "is_ready",
    "recorded_events",
    "recorded_statements",
    "running",
    "serving",
    "wait_until",
]
