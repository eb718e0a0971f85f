import importlib
import re
from datetime import UTC, datetime

import httpx
import pytest
from cathouse_kit.registry import Service
from cathouse_kit.settings import ServiceSettings
from cathouse_kit.testing import running
from fastapi import FastAPI
from pydantic import SecretStr


@pytest.mark.parametrize("path", ["/health", "/api/v1/health"])
async def test_health_names_the_service(
    client: httpx.AsyncClient, service: Service, path: str
) -> None:
    response = await client.get(path)
    health = response.json()
    assert response.status_code == 200
    assert set(health) == {"status", "service", "version", "timestamp"}
    assert (health["status"], health["service"]) == ("healthy", service.name)
    assert health["timestamp"].endswith("Z")
    moment = datetime.fromisoformat(health["timestamp"])
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60


@pytest.mark.parametrize("path", ["/health/ready", "/api/v1/health/ready"])
async def test_readiness_reports_the_database_and_the_migrations(
    client: httpx.AsyncClient, service: Service, path: str
) -> None:
    response = await client.get(path)
    readiness = response.json()
    assert response.status_code == 200
    assert set(readiness) == {"status", "service", "checks"}
    assert (readiness["status"], readiness["service"]) == ("ready", service.name)
    assert readiness["checks"]["database"]["status"] == "ok"
    assert readiness["checks"]["database"]["latency_ms"] > 0
    migrations = readiness["checks"]["migrations"]
    assert migrations["status"] == "ok"
    assert migrations["current"] == migrations["head"]


async def test_without_its_database_it_is_alive_but_not_ready(
    service: Service, settings: ServiceSettings, unused_tcp_port: int
) -> None:
    nowhere = SecretStr(f"postgresql://{service.name}:none@127.0.0.1:{unused_tcp_port}/cathouse")
    without_database = settings.model_copy(update={"database_url": nowhere})
    app = importlib.import_module(f"{service.package}.main").create_app(without_database)
    async with running(app) as client:
        assert (await client.get("/health")).status_code == 200
        response = await client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["status"] == "not_ready"
    assert response.json()["checks"]["database"] == {"status": "failed", "latency_ms": None}


async def test_a_service_that_is_about_to_stop_is_not_ready(
    client: httpx.AsyncClient, app: FastAPI
) -> None:
    app.state.context.lifecycle.drain()
    assert (await client.get("/health/ready")).status_code == 503
    assert (await client.get("/health")).status_code == 200


async def test_metrics_count_by_route_and_never_by_path(
    client: httpx.AsyncClient, service: Service
) -> None:
    await client.get("/api/v1/health")
    await client.get("/api/v1/no-such-thing/whiskers")
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    text = response.text
    assert re.search(
        r'http_requests_total{method="GET",route="/api/v1/health",status="200"} 1', text
    )
    assert 'route="(unmatched)",status="404"' in text
    assert "whiskers" not in text
    for metric in (
        "http_request_duration_seconds_bucket",
        "http_requests_in_flight",
        "database_pool_connections_in_use",
        'build_info{python="',
    ):
        assert metric in text
    assert f'service="{service.name}"' in text
