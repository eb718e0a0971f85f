"""A service with data in it: its callers, the ids that they know, and the services and the cat that it calls."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson
from cathouse_kit.testing import Descriptions, Issuer, RevocationList, bearer, serving
from cathouse_platform.platform import PLATFORM
from cathouse_platform.testing import cat_body, problem

ROOT = Path(__file__).parents[2]

SCOPE = {
    "name": "tasks:all",
    "description": "Your tasks",
    "required": True,
    "routes": [
        {"methods": ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"], "path": "/tasks"}
    ],
}

CAT = {
    "name": "Task Keeper",
    "tagline": "Keeps what you mean to do",
    "category": "productivity",
    "endpoint_url": "https://tasks.example.com",
    "version": "1.0.0",
    "scopes": [SCOPE],
}

Callers = dict[str, dict[str, str]]
"""The header `Authorization` of each caller, by role."""

Known = dict[str, list[Any]]
"""Existing values, by the name of a parameter or of a field in a body."""


@dataclass
class Surroundings:
    """The credentials of a service's callers, and the ids that they know."""

    callers: Callers
    known: Known


class _Cat(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b'{"ok":true}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """No body: the cat reads none."""


@contextmanager
def running_cat() -> Iterator[str]:
    """Serve a cat that responds to every request. Yields its address."""
    with serving(_Cat) as url:
        yield url


class OtherServices(httpx.MockTransport):
    """Fake one cat, and one installation of it that belongs to the player."""

    def __init__(self, issuer: Issuer, descriptions: Descriptions, endpoint_url: str) -> None:
        super().__init__(self._checked)
        self._descriptions = descriptions
        self._issuer = issuer
        self._revocations = RevocationList()
        self.cat_id, self.installation_id, self.player_id = uuid4(), uuid4(), uuid4()
        self.credential = "cat_" + "c" * 43
        self._cat = cat_body(**CAT | {"id": str(self.cat_id), "endpoint_url": endpoint_url})
        self._installation = {
            "installation_id": str(self.installation_id),
            "user_id": str(self.player_id),
            "cat_id": str(self.cat_id),
            "status": "active",
            "granted_scopes": [SCOPE["name"]],
        }

    def _checked(self, request: httpx.Request) -> httpx.Response:
        response = self._answer(request)
        self._descriptions.check(request, response)
        return response

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == PLATFORM.identity.keys_path:
            return httpx.Response(200, json=self._issuer.jwks())
        if path == PLATFORM.identity.revocations_path:
            return self._revocations.answer(request)
        if path == f"/api/v1/catalog/internal/cats/{self.cat_id}":
            return httpx.Response(200, json=self._cat)
        if path == "/api/v1/installations/internal/verify":
            (asked,) = orjson.loads(request.content).values()
            if asked in (self.credential, str(self.installation_id)):
                return httpx.Response(200, json=self._installation)
            return problem(404, "unknown_installation")
        if path == "/api/v1/installations/internal/adoptions":
            return httpx.Response(200, json={"adopted": True})
        return problem(404, "cat_not_found")


@dataclass
class Populating:
    """Creates data in a service through its own routes.

    It calls the function `populate` in the service's `tests/populated.py`, which returns the `Surroundings`.
    """

    client: httpx.AsyncClient
    issuer: Issuer
    others: OtherServices
    service_token: str
    database_url: str
    cat = CAT
    scope = SCOPE

    async def __call__(self, service: str) -> Surroundings:
        path = ROOT / "services" / service / "tests/populated.py"
        specification = importlib.util.spec_from_file_location(f"{service}_populated", path)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        surroundings: Surroundings = await module.populate(self)
        surroundings.callers |= {"nobody": {}, "service": bearer(self.service_token)}
        return surroundings

    def surroundings(self, callers: Callers, known: Known) -> Surroundings:
        return Surroundings(callers, known)

    async def post(self, path: str, **content: Any) -> dict[str, Any]:
        """Return the body of a successful response."""
        response = await self.client.post(path, **content)
        assert response.is_success, response.text
        body: dict[str, Any] = response.json()
        return body
