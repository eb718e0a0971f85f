"""Responses of services of Cat House, for tests of the services that call them."""

from typing import Any
from uuid import uuid4

import httpx
import orjson

from cathouse_platform.platform import PLATFORM


def cat_body(**changes: Any) -> dict[str, Any]:
    """Return a published cat as the catalog shows it to services. `changes` replace fields."""
    return {
        "id": str(uuid4()),
        "slug": "task-keeper",
        "name": "Task Keeper",
        "tagline": "Keeps what you mean to do",
        "description": "",
        "category": "productivity",
        "developer_id": str(uuid4()),
        "status": "published",
        "endpoint_url": "https://tasks.example.com",
        "version": "1.0.0",
        "rating": {"average": None, "count": 0},
        "featured": False,
        "created_at": "2026-11-01T10:00:00Z",
        "updated_at": "2026-11-01T10:00:00Z",
        "scopes": [],
    } | changes


def scope_body(name: str, *routes: dict[str, Any], required: bool = False) -> dict[str, Any]:
    """Return a scope of a cat's manifest."""
    return {"name": name, "description": "For tests", "required": required, "routes": list(routes)}


def problem(status: int, kind: str) -> httpx.Response:
    """Return a problem as the services send it."""
    body = {
        "type": PLATFORM.problem_prefix + kind,
        "title": kind,
        "status": status,
        "detail": "A test needs it.",
        "instance": "/api/v1/…",
        "request_id": uuid4().hex,
    }
    headers = {"Content-Type": "application/problem+json"}
    return httpx.Response(status, content=orjson.dumps(body), headers=headers)
