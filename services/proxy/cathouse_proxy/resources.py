"""What proxy holds beside what every service does. The app keeps it as `app.state.proxy`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from cathouse_kit.service_context import ServiceContext
from fastapi import Depends, Request
from prometheus_client import Counter

from cathouse_proxy.services.audit import Audit
from cathouse_proxy.services.breaker import CircuitBreaker
from cathouse_proxy.services.cats import Cats
from cathouse_proxy.services.exchange import Exchange, Limits
from cathouse_proxy.services.identity import Identities, SigningKeys
from cathouse_proxy.services.links import Platform
from cathouse_proxy.services.lookups import Lookups
from cathouse_proxy.services.mediation import Mediation
from cathouse_proxy.settings import Settings


@dataclass(frozen=True, slots=True)
class Proxy:
    exchange: Exchange
    lookups: Lookups
    keys: SigningKeys
    cats: Cats
    audit: Audit
    unidentified: Counter


def make_proxy(
    context: ServiceContext,
    settings: Settings,
    *,
    cats: Cats | None = None,
    limits: Limits | None = None,
    unidentified: Counter | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Proxy:
    """Opens nothing. What is given replaces what the settings would make, in tests."""
    lookups = Lookups(context.clients["installation"], context.clients["catalog"], clock)
    keys = SigningKeys(context.database)
    cats = cats or Cats(allow_private=settings.proxy_allow_private_upstreams)
    assert context.revocations is not None  # noqa: S101 - only auth has none
    limits = limits or Limits(settings.proxy_max_request_bytes, settings.proxy_max_answer_bytes)
    mediation = Mediation(
        keys=context.keys,
        revocations=context.revocations,
        lookups=lookups,
        rate_limits=context.rate_limits,
        limit=settings.rate_limit_per_installation,
        unidentified_limit=settings.unidentified_limit_by_address,
        breaker=CircuitBreaker(clock),
        max_request_bytes=limits.request_bytes,
    )
    audit = Audit(context.database)
    unidentified = unidentified or Counter(
        "proxy_unidentified_calls",
        "Proxied calls that ended before their installation was known, by the kind of problem; they have no audit row",
        ("outcome",),
        registry=context.metrics.registry,
    )
    exchange = Exchange(
        mediation=mediation,
        audit=audit,
        identities=Identities(context.database, keys, clock),
        cats=cats,
        limits=limits,
        platform=Platform.of(
            settings.auth_url,
            settings.catalog_url,
            settings.installation_url,
            f"http://127.0.0.1:{settings.port}",
        ),
        unidentified=unidentified,
    )
    return Proxy(
        exchange=exchange,
        lookups=lookups,
        keys=keys,
        cats=cats,
        audit=audit,
        unidentified=unidentified,
    )


async def _proxy(request: Request) -> Proxy:
    proxy: Proxy = request.app.state.proxy
    return proxy


Resources = Annotated[Proxy, Depends(_proxy)]
"""What a route declares to get them."""
