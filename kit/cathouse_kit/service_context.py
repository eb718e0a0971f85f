"""The parts of one running service. The app keeps them as `app.state.context`."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cathouse_kit.database import Database
from cathouse_kit.lifecycle import Lifecycle
from cathouse_kit.metrics import Metrics
from cathouse_kit.migrations import Migrations
from cathouse_kit.platform import Platform
from cathouse_kit.rate_limits import RateLimiter
from cathouse_kit.revocations import Revocations
from cathouse_kit.service_client import ServiceClient
from cathouse_kit.settings import ServiceSettings
from cathouse_kit.tokens import KeySource

if TYPE_CHECKING:
    from cathouse_kit.tracing import Tracing


@dataclass(slots=True)
class ServiceContext:
    """The parts of a service. `create_service` creates them, and the app's lifespan opens and closes connections."""

    settings: ServiceSettings
    platform: Platform
    version: str
    database: Database
    migrations: Migrations
    lifecycle: Lifecycle
    metrics: Metrics
    keys: KeySource
    revocations: Revocations | None
    """None in the identity service, which reads its database instead."""
    rate_limits: RateLimiter
    clients: dict[str, ServiceClient] = field(default_factory=dict)
    tracing: "Tracing | None" = None
    """None where no traces are exported."""
