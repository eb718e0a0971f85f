"""Support for tests of the catalog: a manifest, and a client with several users."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
from cathouse_catalog.models import Cat
from cathouse_kit.service_context import ServiceContext
from cathouse_kit.testing import Issuer
from cathouse_platform.platform import Role
from fastapi import FastAPI

CATS = "/api/v1/catalog/cats"
ADOPTIONS_PATH = "/api/v1/installations/internal/adoptions"
ADOPTED = httpx.Response(200, json={"adopted": True})

READ = {
    "name": "tasks:read",
    "description": "See your tasks",
    "required": True,
    "routes": [{"methods": ["GET"], "path": "/tasks"}, {"methods": ["GET"], "path": "/tasks/{id}"}],
}
WRITE = {
    "name": "tasks:write",
    "description": "Change your tasks",
    "required": False,
    "routes": [
        {"methods": ["POST"], "path": "/tasks"},
        {"methods": ["PUT", "DELETE"], "path": "/tasks/{id}"},
    ],
}
TASK_KEEPER: dict[str, Any] = {
    "name": "Task Keeper",
    "tagline": "Keeps what you mean to do",
    "description": "Write it down, do it, get points.",
    "category": "productivity",
    "endpoint_url": "https://tasks.example.com/api",
    "version": "1.0.0",
    "scopes": [READ, WRITE],
}

# The requests that move a new cat to each status.
WAY_TO = {
    "draft": (),
    "submitted": ("submit",),
    "published": ("submit", "approve"),
    "rejected": ("submit", "reject"),
    "suspended": ("submit", "approve", "suspend"),
}


@dataclass
class Catalog:
    """The service under test, with the headers of several users."""

    client: httpx.AsyncClient
    issuer: Issuer
    developer_id: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self.developer = self.issuer.headers(Role.DEVELOPER, self.developer_id)
        self.other_developer = self.issuer.headers(Role.DEVELOPER)
        self.player = self.issuer.headers(Role.PLAYER)
        self.admin = self.issuer.headers(Role.ADMIN)
        self.nobody: dict[str, str] = {}

    async def make(self, status: str = "published", **manifest: Any) -> dict[str, Any]:
        """Create a cat of the developer with this status, by default with a random slug."""
        body = TASK_KEEPER | {"slug": f"cat-{uuid4().hex[:12]}"} | manifest
        cat = await self._ok("POST", CATS, self.developer, body)
        for action in WAY_TO[status]:
            who = self.developer if action == "submit" else self.admin
            reason = {"reason": "It is empty."} if action == "reject" else None
            cat = await self._ok("POST", f"{CATS}/{cat['id']}/{action}", who, reason)
        return cat

    async def read(self, cat: dict[str, Any]) -> dict[str, Any]:
        """Return the cat as its developer sees it now."""
        return await self._ok("GET", f"{CATS}/{cat['id']}", self.developer)

    async def page(
        self, path: str = CATS, who: dict[str, str] | None = None, **params: Any
    ) -> dict[str, Any]:
        """Return one page of a list."""
        response = await self.client.get(path, headers=who, params=params)
        return _successful(response)

    async def walk(
        self, path: str = CATS, who: dict[str, str] | None = None, **params: Any
    ) -> list[dict[str, Any]]:
        """Return the items of all pages of a list."""
        page = await self.page(path, who, **params)
        items: list[dict[str, Any]] = page["items"]
        while page["next_cursor"]:
            page = await self.page(path, who, **params, cursor=page["next_cursor"])
            items += page["items"]
        return items

    async def review(self, cat: dict[str, Any], rating: int, who: dict[str, str]) -> httpx.Response:
        return await self.client.put(
            f"{CATS}/{cat['id']}/reviews/mine", headers=who, json={"rating": rating}
        )

    async def _ok(
        self, method: str, path: str, who: dict[str, str], body: Any = None
    ) -> dict[str, Any]:
        response = await self.client.request(method, path, headers=who, json=body)
        return _successful(response)


def listed(cat: dict[str, Any]) -> dict[str, Any]:
    """Return a cat as lists show it."""
    return {field: value for field, value in cat.items() if field != "scopes"}


async def insert_published(app: FastAPI, *cats: dict[str, Any]) -> list[str]:
    """Insert published cats directly into the database, without the rules, and return their ids."""
    context: ServiceContext = app.state.context
    usual = TASK_KEEPER | {"developer_id": uuid4(), "status": "published"}
    rows = [Cat(**(usual | {"slug": f"cat-{uuid4().hex}"} | cat)) for cat in cats]
    async with context.database.sessions() as session, session.begin():
        session.add_all(rows)
    return [str(row.id) for row in rows]


def _successful(response: httpx.Response) -> dict[str, Any]:
    if not response.is_success:
        raise AssertionError(f"{response.status_code} {response.text}")
    body: dict[str, Any] = response.json()
    return body


def is_problem(response: httpx.Response, status: int, code: str) -> bool:
    """Return whether the response is this problem. A failure shows the whole response."""
    kind = (response.status_code, response.headers["content-type"], response.json().get("type"))
    expected = (status, "application/problem+json", f"urn:cathouse:problem:{code}")
    if kind != expected:
        raise AssertionError(f"{response.status_code} {response.text} is not {expected}")
    return True


def wrong_fields(response: httpx.Response) -> list[list[str | int]]:
    """Return the locations of the errors in a refused request."""
    is_problem(response, 422, "invalid_request")
    return [error["loc"] for error in response.json()["errors"]]
