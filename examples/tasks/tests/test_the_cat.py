"""The cat alone, called with tokens that the tests sign as the proxy does."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cathouse_example_tasks.main import create_app
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from jwt.algorithms import OKPAlgorithm

CAT_ID = str(uuid4())
ALL = "tasks:read tasks:write tasks:delete"


class Proxy:
    """Signs as the proxy does, and publishes its keys on a real port."""

    def __init__(self) -> None:
        self.keys: dict[str, Ed25519PrivateKey] = {}
        self.looked_at = 0
        self.rotate()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                proxy.looked_at += 1
                body = json.dumps({"keys": proxy.jwks()}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/jwks"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def rotate(self) -> None:
        self.kid = uuid4().hex
        self.keys[self.kid] = Ed25519PrivateKey.generate()

    def jwks(self) -> list[dict[str, Any]]:
        return [
            {
                **OKPAlgorithm.to_jwk(key.public_key(), as_dict=True),
                "kid": kid,
                "alg": "EdDSA",
                "use": "sig",
            }
            for kid, key in self.keys.items()
        ]

    def headers(self, sub: str = "ada", scope: str = ALL, **changes: Any) -> dict[str, str]:
        now = int(time.time())
        claims = {
            "iss": "cathouse-proxy",
            "aud": CAT_ID,
            "sub": sub,
            "scope": scope,
            "iat": now,
            "exp": now + 60,
        } | changes
        token = jwt.encode(
            claims, self.keys[self.kid], algorithm="EdDSA", headers={"kid": self.kid}
        )
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    yield proxy
    proxy.server.shutdown()
    proxy.server.server_close()


@asynccontextmanager
async def opened(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app), base_url="http://cat.test") as client,
    ):
        yield client


@pytest.fixture
async def client(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncClient]:
    monkeypatch.setenv("CATHOUSE_JWKS_URL", proxy.url)
    monkeypatch.setenv("CAT_ID", CAT_ID)
    async with opened(create_app()) as client:
        yield client


async def test_a_task_from_its_beginning_to_its_end(client: AsyncClient, proxy: Proxy) -> None:
    ada = proxy.headers()
    made = await client.post("/tasks", json={"title": "Feed the cat"}, headers=ada)
    assert made.status_code == 201
    task = made.json()
    assert task == {"id": task["id"], "title": "Feed the cat", "done": False}
    assert (await client.get("/tasks", headers=ada)).json() == {"items": [task], "points": 0}
    done = (await client.patch(f"/tasks/{task['id']}", json={"done": True}, headers=ada)).json()
    assert done == task | {"done": True}
    assert (await client.get(f"/tasks/{task['id']}", headers=ada)).json() == done
    assert (await client.get("/tasks", headers=ada)).json() == {"items": [done], "points": 10}
    assert (await client.delete(f"/tasks/{task['id']}", headers=ada)).status_code == 204
    assert (await client.delete(f"/tasks/{task['id']}", headers=ada)).status_code == 404
    assert (await client.get("/tasks", headers=ada)).json() == {"items": [], "points": 0}


async def test_nobody_sees_or_changes_what_is_anothers(client: AsyncClient, proxy: Proxy) -> None:
    task = (await client.post("/tasks", json={"title": "x"}, headers=proxy.headers("ada"))).json()
    bea = proxy.headers("bea")
    path = f"/tasks/{task['id']}"
    assert (await client.get("/tasks", headers=bea)).json()["items"] == []
    assert (await client.get(path, headers=bea)).status_code == 404
    assert (await client.patch(path, json={"done": True}, headers=bea)).status_code == 404
    assert (await client.delete(path, headers=bea)).status_code == 404
    assert (await client.get(path, headers=proxy.headers("ada"))).json() == task


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/tasks", "tasks:write tasks:delete"),
        ("GET", "/tasks/x", "tasks:write"),
        ("POST", "/tasks", "tasks:read"),
        ("PATCH", "/tasks/x", "tasks:read tasks:delete"),
        ("DELETE", "/tasks/x", "tasks:read tasks:write"),
        ("GET", "/tasks", ""),
    ],
)
async def test_a_scope_opens_only_its_own_routes(
    method: str, path: str, scope: str, client: AsyncClient, proxy: Proxy
) -> None:
    answer = await client.request(
        method, path, json={"title": "x"}, headers=proxy.headers(scope=scope)
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": str(uuid4())},
        {"iss": "cathouse-auth"},
        {"exp": int(time.time()) - 60},
        {"iat": int(time.time()) + 86_400},
    ],
)
async def test_tokens_that_are_not_for_this_call_are_refused(
    changes: dict[str, Any], client: AsyncClient, proxy: Proxy
) -> None:
    assert (await client.get("/tasks", headers=proxy.headers(**changes))).status_code == 401


async def test_tokens_of_others_are_refused(client: AsyncClient, proxy: Proxy) -> None:
    known = proxy.headers()
    assert (await client.get("/tasks", headers=known)).status_code == 200
    forged = Proxy()
    forged.kid, forged.keys = proxy.kid, {proxy.kid: Ed25519PrivateKey.generate()}
    unsigned = jwt.encode(
        jwt.decode(known["Authorization"][7:], options={"verify_signature": False}), "", "none"
    )
    for headers in (
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Bearer {unsigned}"},
        forged.headers(),
    ):
        assert (await client.get("/tasks", headers=headers)).status_code == 401
    forged.server.shutdown()
    forged.server.server_close()


async def test_a_new_key_is_found_and_unknown_ones_cause_no_flood(
    client: AsyncClient, proxy: Proxy
) -> None:
    assert (await client.get("/tasks", headers=proxy.headers())).status_code == 200
    proxy.rotate()
    assert (await client.get("/tasks", headers=proxy.headers())).status_code == 200
    looked_at = proxy.looked_at
    proxy.keys.pop(proxy.kid)
    proxy.rotate()
    for _ in range(5):
        assert (await client.get("/tasks", headers=proxy.headers())).status_code == 401
    assert proxy.looked_at == looked_at


async def test_without_an_id_of_its_own_a_cat_keeps_audiences_apart(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATHOUSE_JWKS_URL", proxy.url)
    monkeypatch.delenv("CAT_ID", raising=False)
    async with opened(create_app()) as client:
        (await client.post("/tasks", json={"title": "x"}, headers=proxy.headers()))
        assert len((await client.get("/tasks", headers=proxy.headers())).json()["items"]) == 1
        for_another = proxy.headers(aud="another cat")
        assert (await client.get("/tasks", headers=for_another)).json()["items"] == []


async def test_a_file_keeps_tasks(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CATHOUSE_JWKS_URL", proxy.url)
    monkeypatch.setenv("TASKS_FILE", str(tmp_path / "tasks.sqlite"))
    for count in (1, 2):
        async with opened(create_app()) as client:
            (await client.post("/tasks", json={"title": "x"}, headers=proxy.headers()))
            assert (
                len((await client.get("/tasks", headers=proxy.headers())).json()["items"]) == count
            )


@pytest.mark.parametrize("body", [{}, {"title": ""}, {"title": "x" * 201}, {"title": "x", "a": 1}])
async def test_an_invalid_task_is_refused(
    body: dict[str, Any], client: AsyncClient, proxy: Proxy
) -> None:
    assert (await client.post("/tasks", json=body, headers=proxy.headers())).status_code == 422


async def test_the_manifest_names_the_routes_that_there_are(client: AsyncClient) -> None:
    manifest = json.loads((Path(__file__).parents[1] / "manifest.json").read_text())
    named = {
        (method, route["path"].replace("{id}", "{task_id}"))
        for scope in manifest["scopes"]
        for route in scope["routes"]
        for method in route["methods"]
    }
    described = (await client.get("/openapi.json")).json()["paths"]
    there = {
        (method.upper(), path)
        for path, methods in described.items()
        for method in methods
        if path != "/health"
    }
    assert named == there
    assert (await client.get("/health")).json() == {"status": "healthy"}
