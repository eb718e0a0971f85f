"""Probes.

- `health` responds if the process is alive. It does no I/O.
- `ready` reports whether the service can do its work now.
- `started` reports whether the service has been ready at least once.
"""

import asyncio
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, Depends, Request, Response
from loguru import logger
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field

from cathouse_kit.platform import IDENTITY_NAME
from cathouse_kit.routing import PlainRoute
from cathouse_kit.schemas import ResponseBody, Timestamp
from cathouse_kit.security import anyone
from cathouse_kit.service_context import ServiceContext

HEALTH_PATHS = ("/health", "/api/v1/health")
READY_PATHS = ("/health/ready", "/api/v1/health/ready")
STARTED_PATHS = ("/health/started", "/api/v1/health/started")
METRICS_PATH = "/metrics"
PROBES = frozenset((*HEALTH_PATHS, *READY_PATHS, *STARTED_PATHS, METRICS_PATH))


class Health(ResponseBody):
    status: Literal["healthy"]
    service: str
    version: str
    timestamp: Timestamp


class DatabaseCheck(ResponseBody):
    status: Literal["ok", "failed"]
    latency_ms: float | None


class MigrationsCheck(ResponseBody):
    status: Literal["ok", "pending", "unknown"]
    current: str | None
    head: str


class RevocationsCheck(ResponseBody):
    status: Literal["ok", "unknown"] = Field(
        description=f"`unknown` until {IDENTITY_NAME} has returned its list"
    )
    age_seconds: float = Field(
        description=f"Seconds since the last response of {IDENTITY_NAME}. The last known list applies"
    )


class Checks(ResponseBody):
    database: DatabaseCheck
    migrations: MigrationsCheck
    revocations: RevocationsCheck | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description=f"Absent in {IDENTITY_NAME}, which reads its own database",
    )


class Readiness(ResponseBody):
    status: Literal["ready", "not_ready"]
    service: str
    checks: Checks


class Startup(ResponseBody):
    status: Literal["started", "starting"]
    service: str


def probe_router() -> APIRouter:
    """Return the routes of the probes and of the metrics."""
    router = APIRouter(tags=["probes"], dependencies=[Depends(anyone)], route_class=PlainRoute)
    readiness = _SharedReadiness()
    for path in HEALTH_PATHS:
        router.add_api_route(
            path,
            _health,
            response_model=Health,
            operation_id="health" if path in HEALTH_PATHS[1:] else None,
            include_in_schema=path in HEALTH_PATHS[1:],
            summary="Check whether the process is alive",
        )
    for path in READY_PATHS:
        router.add_api_route(
            path,
            readiness.ready,
            response_model=Readiness,
            responses={
                503: {"model": Readiness, "description": "The service cannot do its work now"}
            },
            operation_id="ready" if path in READY_PATHS[1:] else None,
            include_in_schema=path in READY_PATHS[1:],
            summary="Check whether the service can do its work",
        )
    for path in STARTED_PATHS:
        router.add_api_route(
            path,
            readiness.started,
            response_model=Startup,
            responses={
                503: {"model": Startup, "description": "The service has not been ready yet"}
            },
            operation_id="started" if path in STARTED_PATHS[1:] else None,
            include_in_schema=path in STARTED_PATHS[1:],
            summary="Check whether the service has been ready once",
        )
    router.add_api_route(
        METRICS_PATH,
        _metrics,
        response_class=Response,
        operation_id="metrics",
        summary="Read the metrics in Prometheus format",
        responses={200: {"content": {CONTENT_TYPE_LATEST.partition(";")[0]: {}}}},
    )
    return router


async def _health(request: Request) -> Response:
    context: ServiceContext = request.app.state.context
    body = Health(
        status="healthy",
        service=context.settings.service_name,
        version=context.version,
        timestamp=datetime.now(UTC),
    )
    return _json(body)


def _json(body: ResponseBody, status_code: int = 200) -> Response:
    return Response(body.model_dump_json(), status_code, media_type="application/json")


class _SharedReadiness:
    """Readiness, checked once for all simultaneous requests, so that they need only one database connection."""

    def __init__(self) -> None:
        self._lookup: asyncio.Task[Checks] | None = None
        self._has_been_ready = False

    async def ready(self, request: Request) -> Response:
        context: ServiceContext = request.app.state.context
        checks = await self._checks(context)
        ready = _all_well(checks) and not context.lifecycle.draining
        body = Readiness(
            status="ready" if ready else "not_ready",
            service=context.settings.service_name,
            checks=checks,
        )
        return _json(body, 200 if ready else 503)

    async def started(self, request: Request) -> Response:
        context: ServiceContext = request.app.state.context
        if not self._has_been_ready:
            await self._checks(context)
        body = Startup(
            status="started" if self._has_been_ready else "starting",
            service=context.settings.service_name,
        )
        return _json(body, 200 if self._has_been_ready else 503)

    async def _checks(self, context: ServiceContext) -> Checks:
        if self._lookup is None or self._lookup.done():
            self._lookup = asyncio.create_task(_check(context))
        # Shielded, because other requests still wait for it if this client disconnects.
        checks = await asyncio.shield(self._lookup)
        checks.revocations = _check_revocations(context)
        self._has_been_ready = self._has_been_ready or _all_well(checks)
        return checks


def _all_well(checks: Checks) -> bool:
    return (
        checks.database.status == "ok"
        and checks.migrations.status == "ok"
        and (checks.revocations is None or checks.revocations.status == "ok")
    )


async def _check(context: ServiceContext) -> Checks:
    head = context.migrations.head
    try:
        async with context.database.probe() as (connection, latency):
            current = await context.migrations.current(connection)
    except Exception as error:  # any error means "not ready"
        logger.warning("readiness: the database does not respond: {!r}", error.__cause__ or error)
        return Checks(
            database=DatabaseCheck(status="failed", latency_ms=None),
            migrations=MigrationsCheck(status="unknown", current=None, head=head),
        )
    # A revision that is newer than the package is ready too: old replicas see it during an update.
    migrated = current is not None and current >= head
    return Checks(
        database=DatabaseCheck(status="ok", latency_ms=latency),
        migrations=MigrationsCheck(
            status="ok" if migrated else "pending", current=current, head=head
        ),
    )


def _check_revocations(context: ServiceContext) -> RevocationsCheck | None:
    if context.revocations is None:
        return None
    return RevocationsCheck(
        status="ok" if context.revocations.known else "unknown",
        age_seconds=round(context.revocations.age_seconds, 2),
    )


async def _metrics(request: Request) -> Response:
    context: ServiceContext = request.app.state.context
    if context.revocations is not None:
        context.metrics.revocations_age.set(context.revocations.age_seconds)
    context.metrics.pool_in_use.set(context.database.connections_in_use)
    context.metrics.pool_size.set(context.database.pool_size)
    return Response(generate_latest(context.metrics.registry), media_type=CONTENT_TYPE_LATEST)
