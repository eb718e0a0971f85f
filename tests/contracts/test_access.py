"""Deny by default: every route that is not in the short list here requires credentials."""

from collections.abc import Iterator
from uuid import uuid4

import httpx
from cathouse_kit.registry import Service
from fastapi import FastAPI

PROBES = {
    "GET /api/v1/health",
    "GET /api/v1/health/ready",
    "GET /api/v1/health/started",
    "GET /metrics",
}
PUBLIC = {
    "auth": {
        "POST /api/v1/auth/register",
        "POST /api/v1/auth/login",
        "POST /api/v1/auth/refresh",
        "POST /api/v1/auth/logout",
        "GET /api/v1/auth/jwks",
    },
    "catalog": {
        "GET /api/v1/catalog/cats",
        "GET /api/v1/catalog/cats/{cat_id}",
        "GET /api/v1/catalog/cats/{cat_id}/reviews",
        "GET /api/v1/catalog/cats/{cat_id}/versions",
        "GET /api/v1/catalog/cats/{cat_id}/versions/{version}",
        "GET /api/v1/catalog/categories",
    },
    "proxy": {"GET /api/v1/proxy/jwks"},
}


def operations(app: FastAPI) -> Iterator[tuple[str, str]]:
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            yield method.upper(), path


async def test_only_the_listed_routes_are_open_to_all(
    app: FastAPI, client: httpx.AsyncClient, service: Service
) -> None:
    """Without a token, every other route responds with 401, even if other parts of the request are wrong."""
    open_routes = set()
    for method, template in operations(app):
        path = template
        while "{" in path:
            before, _, rest = path.partition("{")
            path = before + str(uuid4()) + rest.partition("}")[2]
        response = await client.request(method, path)
        if response.status_code != 401:
            open_routes.add(f"{method} {template}")
        else:
            assert response.headers["www-authenticate"] == "Bearer"
            assert response.headers["content-type"] == "application/problem+json"
    assert open_routes == PROBES | PUBLIC.get(service.name, set())
