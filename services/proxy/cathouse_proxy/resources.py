"""Resources that only proxy has. The app stores them as `app.state.resources`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from cathouse_kit.service_context import ServiceContext
from fastapi import Depends, Request

from cathouse_proxy.metrics import CallMetrics
from cathouse_proxy.services.admission.admission import AdmissionControl
from cathouse_proxy.services.admission.breaker import CircuitBreaker
from cathouse_proxy.services.admission.lookups import Lookups
from cathouse_proxy.services.audit.writer import Audit
from cathouse_proxy.services.exchange.cat_client import CatClient
from cathouse_proxy.services.exchange.exchange import Exchange, Limits
from cathouse_proxy.services.exchange.identity import Identities, SigningKeys
from cathouse_proxy.services.exchange.links import Platform
from cathouse_proxy.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    exchange: Exchange
    lookups: Lookups
    keys: SigningKeys
    cats: CatClient
    audit: Audit
    metrics: CallMetrics


def create_resources(
    context: ServiceContext,
    settings: Settings,
    *,
    cats: CatClient | None = None,
    limits: Limits | None = None,
    metrics: CallMetrics | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Resources:
    """Create the resources of one app. Open no connection.

    Tests pass `cats`, `limits`, `metrics` and `clock` instead of those that the settings define.
    """
    lookups = Lookups(context.clients["installation"], context.clients["catalog"], clock)
    keys = SigningKeys(context.database)
    cats = cats or CatClient(allow_private=settings.proxy_allow_private_upstreams)
    assert context.revocations is not None  # noqa: S101 - only auth has none
    limits = limits or Limits(settings.proxy_max_request_bytes, settings.proxy_max_answer_bytes)
    breaker = CircuitBreaker(clock)
    admission = AdmissionControl(
        keys=context.keys,
        revocations=context.revocations,
        lookups=lookups,
        rate_limits=context.rate_limits,
        limit=settings.rate_limit_per_installation,
        unidentified_limit=settings.unidentified_limit_by_address,
        breaker=breaker,
        max_request_bytes=limits.request_bytes,
    )
    audit = Audit(context.database)
    metrics = metrics or CallMetrics.create(context.metrics.registry)
    metrics.cats_cut_off.set_function(breaker.count_cut_off)
    exchange = Exchange(
        admission=admission,
        audit=audit,
        identities=Identities(context.database, keys, clock),
        cats=cats,
        tracing=context.tracing,
        limits=limits,
        platform=Platform.of(
            settings.auth_url,
            settings.catalog_url,
            settings.installation_url,
            f"http://127.0.0.1:{settings.port}",
        ),
        metrics=metrics,
    )
    return Resources(
        exchange=exchange,
        lookups=lookups,
        keys=keys,
        cats=cats,
        audit=audit,
        metrics=metrics,
    )


async def _resources(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


ResourcesDep = Annotated[Resources, Depends(_resources)]
"""To use the resources in a route, declare a parameter of this type."""
