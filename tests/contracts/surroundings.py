"""A service with something in it: who may call it, what they may know, and the other services and the cat behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import orjson
from cathouse_kit.testing import JWKS_PATH, Issuer, bearer
from cathouse_kit.tokens import Role

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

Known = dict[str, list[Any]]
"""Values that lead somewhere, by the name of a parameter or of a field in a body."""


@dataclass
class Surroundings:
    """What someone who calls a service has to show, and may know."""

    callers: dict[str, dict[str, str]]
    """`Authorization`, by who it is."""
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
        """Nothing: nobody reads it."""


@contextmanager
def running_cat() -> Iterator[str]:
    """The address of a cat that answers whatever it is asked."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Cat) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class OtherServices(httpx.MockTransport):
    """Know one cat, and one installation of it, which is the player's."""

    def __init__(self, issuer: Issuer, endpoint_url: str) -> None:
        super().__init__(self._answer)
        self._issuer = issuer
        self.cat_id, self.installation_id, self.player_id = uuid4(), uuid4(), uuid4()
        self.credential = "cat_" + "c" * 43
        self._cat = CAT | {
            "id": str(self.cat_id),
            "slug": "task-keeper",
            "status": "published",
            "endpoint_url": endpoint_url,
        }
        self._installation = {
            "installation_id": str(self.installation_id),
            "user_id": str(self.player_id),
            "cat_id": str(self.cat_id),
            "status": "active",
            "granted_scopes": [SCOPE["name"]],
        }

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == JWKS_PATH:
            return httpx.Response(200, json=self._issuer.jwks())
        if path == f"/api/v1/catalog/internal/cats/{self.cat_id}":
            return httpx.Response(200, json=self._cat)
        if path == "/api/v1/installations/internal/verify":
            (asked,) = orjson.loads(request.content).values()
            if asked in (self.credential, str(self.installation_id)):
                return httpx.Response(200, json=self._installation)
        return httpx.Response(404, json={})


@dataclass
class Populating:
    """Fills a service through its own routes."""

    client: httpx.AsyncClient
    issuer: Issuer
    others: OtherServices
    service_token: str
    database_url: str

    async def __call__(self, service: str) -> Surroundings:
        surroundings: Surroundings = await getattr(self, service)()
        surroundings.callers |= {"nobody": {}, "service": bearer(self.service_token)}
        return surroundings

    async def auth(self) -> Surroundings:
        """Here people are rows of the database."""
        people = {name: await self._join(name) for name in ("player", "admin", "bystander")}
        developer = await self._join("developer", role="developer")
        connection = await asyncpg.connect(self.database_url)
        await connection.execute("update people set role = 'admin' where display_name = 'admin'")
        await connection.close()
        bystander = people.pop("bystander")
        return Surroundings(
            {
                name: bearer(person["access_token"])
                for name, person in (people | {"developer": developer}).items()
            },
            {
                "person_id": [bystander["id"]],
                "username": [bystander["email"]],
                "password": [bystander["password"]],
                "refresh_token": [bystander["refresh_token"]],
                "current_password": [people["player"]["password"]],
            },
        )

    async def _join(self, name: str, **more: str) -> dict[str, Any]:
        person = {"email": f"{name}@example.com", "password": "battery staple"}
        made = await self._post(
            "/api/v1/auth/register", json=person | {"display_name": name} | more
        )
        form = {"username": person["email"], "password": person["password"]}
        return made | person | await self._post("/api/v1/auth/login", data=form)

    async def catalog(self) -> Surroundings:
        callers = {
            "player": self.issuer.headers(Role.PLAYER),
            "developer": self.issuer.headers(Role.DEVELOPER),
            "other_developer": self.issuer.headers(Role.DEVELOPER),
            "admin": self.issuer.headers(Role.ADMIN),
        }
        cats = "/api/v1/catalog/cats"
        ids: list[str] = []
        for actions in ((), ("submit",), ("submit", "approve"), ("submit", "approve", "suspend")):
            manifest = CAT | {"slug": f"cat-{len(ids)}"}
            cat = await self._post(cats, json=manifest, headers=callers["developer"])
            ids.append(cat["id"])
            for action in actions:
                who = callers["developer" if action == "submit" else "admin"]
                await self._post(f"{cats}/{cat['id']}/{action}", headers=who)
        return Surroundings(callers, {"cat_id": ids})

    async def installation(self) -> Surroundings:
        player = self.issuer.headers(Role.PLAYER, self.others.player_id)
        wish = {"cat_id": str(self.others.cat_id), "granted_scopes": [SCOPE["name"]]}
        adopted = await self._post("/api/v1/installations", json=wish, headers=player)
        return Surroundings(
            {
                "player": player,
                "other_player": self.issuer.headers(Role.PLAYER),
                "developer": self.issuer.headers(Role.DEVELOPER),
            },
            {
                "installation_id": [adopted["installation"]["id"]],
                "credential": [adopted["credential"]],
                "cat_id": [str(self.others.cat_id)],
                "granted_scopes": [[SCOPE["name"]]],
            },
        )

    async def proxy(self) -> Surroundings:
        return Surroundings(
            {
                "installation": bearer(self.others.credential),
                "player": self.issuer.headers(Role.PLAYER, self.others.player_id),
                "other_player": self.issuer.headers(Role.PLAYER),
                "admin": self.issuer.headers(Role.ADMIN),
            },
            {"installation_id": [str(self.others.installation_id)], "path": ["tasks"]},
        )

    async def _post(self, path: str, **content: Any) -> dict[str, Any]:
        response = await self.client.post(path, **content)
        assert response.is_success, response.text
        body: dict[str, Any] = response.json()
        return body
