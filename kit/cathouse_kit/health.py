"""Probes: `health` says that the process lives and does no I/O, `ready` says whether it can do its work, `started`
whether it ever could."""

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
        description=f"`unknown` until {IDENTITY_NAME} has given its list"
    )
    age_seconds: float = Field(
        description=f"Since {IDENTITY_NAME} last answered; the last known list decides"
    )


class Checks(ResponseBody):
    database: DatabaseCheck
    migrations: MigrationsCheck
    revocations: RevocationsCheck | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description=f"Not in {IDENTITY_NAME}, which has no other source than its database",
    )


class Readiness(ResponseBody):
    status: Literal["ready", "not_ready"]
    service: str
    checks: Checks


class Startup(ResponseBody):
    status: Literal["started", "starting"]
    service: str


def probe_router() -> APIRouter:
    """Health, readiness, start and metrics."""
    router = APIRouter(tags=["probes"], dependencies=[Depends(anyone)], route_class=PlainRoute)
    readiness = _SharedReadiness()
    for path in HEALTH_PATHS:
        router.add_api_route(
            path,
            _health,
            response_model=Health,
            operation_id="health" if path in HEALTH_PATHS[1:] else None,
            include_in_schema=path in HEALTH_PATHS[1:],
            summary="Is the process alive?",
        )
    for path in READY_PATHS:
        router.add_api_route(
            path,
            readiness.ready,
            response_model=Readiness,
            responses={503: {"model": Readiness, "description": "It cannot do its work now"}},
            operation_id="ready" if path in READY_PATHS[1:] else None,
            include_in_schema=path in READY_PATHS[1:],
            summary="Can it do its work?",
        )
    for path in STARTED_PATHS:
        router.add_api_route(
            path,
            readiness.started,
            response_model=Startup,
            responses={503: {"model": Startup, "description": "It has not been ready yet"}},
            operation_id="started" if path in STARTED_PATHS[1:] else None,
            include_in_schema=path in STARTED_PATHS[1:],
            summary="Has it been ready?",
        )
    router.add_api_route(
        METRICS_PATH,
        _metrics,
        response_class=Response,
        operation_id="metrics",
        summary="Prometheus metrics",
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
    """Readiness, looked up once for all who ask at the same time: however many they are, one connection is enough."""

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
        # Shielded, because others wait for it when this client leaves.
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
    except Exception as error:  # whatever it is, the answer is "not ready"
        logger.warning("readiness: the database does not answer: {!r}", error.__cause__ or error)
        return Checks(
            database=DatabaseCheck(status="failed", latency_ms=None),
            migrations=MigrationsCheck(status="unknown", current=None, head=head),
        )
    # Newer than the package is well: that is what the replicas see which an update has not replaced yet.
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
