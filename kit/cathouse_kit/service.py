"""Creation of a service's app from its settings and its routers."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from importlib.metadata import metadata
from typing import TYPE_CHECKING

import httpx
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from cathouse_kit.addresses import ForwardedMiddleware, TrustedProxies
from cathouse_kit.cross_origin import CrossOriginMiddleware
from cathouse_kit.database import Database
from cathouse_kit.docs import docs_router
from cathouse_kit.health import PROBES, probe_router
from cathouse_kit.lifecycle import Lifecycle
from cathouse_kit.metrics import Metrics
from cathouse_kit.middleware import RequestMiddleware, RouteMiddleware
from cathouse_kit.migrations import Migrations
from cathouse_kit.openapi import describe
from cathouse_kit.platform import Platform
from cathouse_kit.problems import install_problem_handlers
from cathouse_kit.rate_limits import RateLimiter
from cathouse_kit.revocations import Revocations
from cathouse_kit.routing import ServiceApp
from cathouse_kit.security import unguarded
from cathouse_kit.service_client import ServiceClient
from cathouse_kit.service_context import ServiceContext
from cathouse_kit.settings import ServiceSettings, SettingsError
from cathouse_kit.tokens import KeySource, RemoteKeys

if TYPE_CHECKING:
    from cathouse_kit.tracing import Tracing

_EXPORTER = "OTEL_TRACES_EXPORTER"

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class UnguardedRouteError(Exception):
    """A route has no guard."""


def create_service(
    settings: ServiceSettings,
    *,
    platform: Platform,
    package: str,
    routers: Sequence[APIRouter],
    keys: Callable[[Database], KeySource] | None = None,
    lifespan: Lifespan | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    bodies_limited_by_routes: str | None = None,
    database_settings: Mapping[str, str] | None = None,
) -> FastAPI:
    """Create the FastAPI app of a service. It opens no connection before its lifespan begins.

    `context.clients` has a client for each setting of the type `ServiceUrl`.

    - `platform` has the names and roles that all services of the platform share.
    - `package` is the service's Python package, with models and migrations. Its distribution gives the version and the
      description.
    - `keys` replaces the published keys and revocations of the identity service, for the verification of access tokens.
    - `lifespan` opens and closes resources that only this service needs. It may use `app.state.context`.
    - `transport` replaces the network of calls to other services, in tests.
    - `bodies_limited_by_routes` is the prefix of routes that limit their request bodies themselves. All other routes
      have the limit `MAX_BODY_BYTES`.
    - `database_settings` are PostgreSQL settings for each of the service's connections.

    Raises `UnguardedRouteError` if a route has no guard of `cathouse_kit.security`. Raises `SettingsError` if a
    variable of OpenTelemetry is invalid.
    """
    distribution = metadata(package.replace("_", "-"))
    tracing = _start_tracing(settings, distribution["Version"])
    service_clients = {
        name: ServiceClient(
            name, url, settings.service_tokens, transport=transport, tracing=tracing
        )
        for name, url in settings.service_urls.items()
    }
    database = Database(
        settings.database_url,
        pool_size=settings.database_pool_size,
        application_name=settings.service_name,
        session_settings=database_settings,
        debug=settings.debug,
        sql_spans=tracing.sql if tracing else None,
    )
    identity = platform.identity
    revocations_client = None
    if keys is None:
        # Without traces, because polling would create several a second that belong to no request.
        revocations_client = ServiceClient(
            identity.name,
            settings.service_urls[identity.name],
            settings.service_tokens,
            transport=transport,
        )
    context = ServiceContext(
        settings=settings,
        platform=platform,
        version=distribution["Version"],
        database=database,
        migrations=Migrations(package),
        lifecycle=Lifecycle(),
        metrics=Metrics(settings.service_name, distribution["Version"]),
        keys=keys(database)
        if keys
        else RemoteKeys(service_clients[identity.name], identity.keys_path),
        revocations=Revocations(revocations_client, identity.revocations_path)
        if revocations_client
        else None,
        rate_limits=RateLimiter(settings.rate_limit_storage),
        clients=service_clients,
        tracing=tracing,
    )

    @asynccontextmanager
    async def whole_lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if tracing:
                stack.push_async_callback(asyncio.to_thread, tracing.shutdown)
            stack.push_async_callback(database.close)
            stack.push_async_callback(context.rate_limits.close)
            for client in filter(None, (*service_clients.values(), revocations_client)):
                stack.push_async_callback(client.close)
            if context.revocations:
                stack.push_async_callback(context.revocations.stop)
                await context.revocations.start()
            async with lifespan(app) if lifespan else nullcontext():
                yield

    app = ServiceApp(
        title=f"{platform.display_name} {settings.service_name}",
        summary=distribution["Summary"],
        version=distribution["Version"],
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # A redirect would lead to the host that the caller sent.
        redirect_slashes=False,
        lifespan=whole_lifespan,
        # The kit has its own telemetry. Versions of FastAPI without this option ignore it.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.context = context
    all_routers = (probe_router(), docs_router(app.title), *routers)
    # Tools that document the service read its routes here, because FastAPI has no flat list of them.
    app.state.routers = all_routers
    install_problem_handlers(app, all_routers)
    for router in all_routers:
        if open_routes := unguarded(router.routes):
            raise UnguardedRouteError(
                f"{settings.service_name}: {', '.join(open_routes)}: no guard: "
                "add a guard of cathouse_kit.security to say who may call it"
            )
        app.add_routes([route for route in router.routes if isinstance(route, APIRoute)])
    describe(app, platform)

    # The last one added is the outermost.
    app.add_middleware(
        RouteMiddleware,
        routes=[route for router in all_routers for route in router.routes],
        max_bytes=settings.max_body_bytes,
        exempt=bodies_limited_by_routes,
    )
    if settings.cors_origins:
        app.add_middleware(CrossOriginMiddleware, origins=settings.cors_origins)
    app.add_middleware(
        RequestMiddleware,
        metrics=context.metrics,
        lifecycle=context.lifecycle,
        tracing=tracing,
        # Polls of revocations are as frequent as probes. Like probes, they are logged only if they fail.
        probes=PROBES | {identity.revocations_path},
    )
    if trusted := TrustedProxies(settings.forwarded_allow_ips):
        app.add_middleware(ForwardedMiddleware, trusted=trusted)
    return app


def _start_tracing(settings: ServiceSettings, version: str) -> "Tracing | None":
    # The standard variable turns the export off where the development stack has set the endpoint.
    if settings.otel_exporter_otlp_endpoint is None or os.environ.get(_EXPORTER) == "none":
        return None
    from cathouse_kit.tracing import Tracing, otlp_exporter

    try:
        exporter = otlp_exporter(str(settings.otel_exporter_otlp_endpoint))
        return Tracing(settings.service_name, version, exporter)
    except (ValueError, OSError) as error:
        # OpenTelemetry's messages do not name the variables that it reads, such as OTEL_EXPORTER_OTLP_TIMEOUT.
        raise SettingsError(
            f"{settings.service_name}: a variable OTEL_… is invalid: {error}"
        ) from error
