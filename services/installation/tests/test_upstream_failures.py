"""If the catalog or auth is down, slow or sends an invalid response: a 503 with its name, and nothing is written."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from cathouse_installation.main import create_app
from cathouse_installation.settings import Settings
from cathouse_kit.testing import Execute, FakeServices, Issuer, running
from cathouse_platform.platform import PLATFORM
from cathouse_platform.testing import cat_body, scope_body

from .conftest import Publish

URL = "/api/v1/installations"


CAT_ID = UUID("0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4e")
SCOPE = scope_body("tasks:read", {"methods": ["GET"], "path": "/tasks"}, required=True)
MANIFEST = cat_body(id=str(CAT_ID), name="Chores", scopes=[SCOPE])
FAILURES: dict[str, httpx.Response | Exception] = {
    "refuses": httpx.ConnectError("connection refused"),
    "is not reached in time": httpx.ConnectTimeout("slow"),
    "answers too late": httpx.ReadTimeout("slow"),
    "breaks off": httpx.RemoteProtocolError("peer closed connection"),
    "fails": httpx.Response(500, json={"detail": "secret"}),
    "is overloaded": httpx.Response(503),
    "does not know the service token": httpx.Response(401, json={}),
    "sends elsewhere": httpx.Response(307, headers={"Location": "http://elsewhere.test/"}),
    "answers with a page": httpx.Response(200, text="<html>welcome</html>"),
    "answers with nothing": httpx.Response(200),
    "answers with a list": httpx.Response(200, json=[MANIFEST]),
    "answers with null": httpx.Response(200, json=None),
    "leaves out the scopes": httpx.Response(200, json=MANIFEST | {"scopes": None}),
    "garbles a scope": httpx.Response(200, json=MANIFEST | {"scopes": [{"name": 1}]}),
    "leaves out the developer": httpx.Response(200, json=MANIFEST | {"developer_id": None}),
    "leaves out the version": httpx.Response(200, json=MANIFEST | {"version": None}),
    "has a NUL in the name": httpx.Response(200, json=MANIFEST | {"name": "a\x00b"}),
    "has a NUL in the version": httpx.Response(200, json=MANIFEST | {"version": "1\x00"}),
    "has a NUL in a scope": httpx.Response(
        200, json=MANIFEST | {"scopes": [{"name": "tasks\x00read", "required": False}]}
    ),
    "answers with another cat": httpx.Response(200, json=MANIFEST | {"id": str(uuid4())}),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
async def test_while_the_catalog_fails_nothing_is_adopted_or_changed(
    player: httpx.AsyncClient,
    fake_services: FakeServices,
    publish: Publish,
    sql: Execute,
    failure: httpx.Response | Exception,
) -> None:
    publish(CAT_ID)
    body = {"cat_id": str(CAT_ID), "granted_scopes": ["tasks:read"]}
    adopted = (await player.post(URL, json=body)).json()["installation"]
    await player.delete(f"{URL}/{adopted['id']}")
    other = (await player.post(URL, json=body)).json()["installation"]
    fake_services.on_undescribed("GET", f"/api/v1/catalog/internal/cats/{CAT_ID}", failure)

    scopes = await player.put(
        f"{URL}/{other['id']}/scopes", json={"granted_scopes": ["tasks:read", "tasks:write"]}
    )
    adoption = await player.post(URL, json=body, headers={"Idempotency-Key": "k"})

    for response in (scopes, adoption):
        assert response.status_code == 503
        problem = response.json()
        assert (problem["type"], problem["peer"]) == (
            "urn:cathouse:problem:peer_unavailable",
            "catalog",
        )
        assert "catalog" in problem["detail"]
        assert "secret" not in response.text
    assert (await player.get(f"{URL}/{other['id']}")).json() == other
    assert len(await sql("select 1 from installation.installations")) == 2
    assert await sql("select 1 from installation.idempotency_keys") == []


async def test_requests_that_need_no_catalog_work_while_it_is_down(
    player: httpx.AsyncClient, fake_services: FakeServices, installation: dict[str, Any]
) -> None:
    cat = f"/api/v1/catalog/internal/cats/{installation['cat_id']}"
    fake_services.on("GET", cat, httpx.ConnectError("connection refused"))
    url = f"{URL}/{installation['id']}"
    for method, path in [
        ("GET", ""),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/credential"),
    ]:
        assert (await player.request(method, url + path)).status_code == 200
    assert (await player.delete(url)).status_code == 204


async def test_a_slow_catalog_holds_no_database_connection(
    settings: Settings, fake_services: FakeServices, issuer: Issuer, emptied: None
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(_request: httpx.Request) -> httpx.Response:
        asked.set()
        await answer.wait()
        return httpx.Response(200, json=MANIFEST)

    cat = f"/api/v1/catalog/internal/cats/{CAT_ID}"
    fake_services.on("GET", cat, httpx.Response(200, json=MANIFEST))
    app = create_app(
        settings.model_copy(update={"database_pool_size": 1}), transport=fake_services.transport
    )
    body = {"cat_id": str(CAT_ID), "granted_scopes": ["tasks:read"]}
    owner = issuer.headers()
    async with running(app) as client, asyncio.timeout(10):
        adopted = (await client.post(URL, json=body, headers=owner)).json()["installation"]
        fake_services.on("GET", cat, slow)
        for waiting in (
            client.post(URL, json=body, headers=issuer.headers() | {"Idempotency-Key": "k"}),
            client.put(
                f"{URL}/{adopted['id']}/scopes",
                json={"granted_scopes": ["tasks:read"]},
                headers=owner,
            ),
        ):
            asked.clear()
            answer.clear()
            task = asyncio.create_task(waiting)
            await asked.wait()
            assert app.state.context.database.connections_in_use == 0
            assert (await client.get(URL, headers=owner)).status_code == 200
            answer.set()
            assert (await task).is_success


async def test_without_auths_keys_users_get_503_and_services_are_served(
    player: httpx.AsyncClient, service: httpx.AsyncClient, fake_services: FakeServices
) -> None:
    fake_services.on("GET", PLATFORM.identity.keys_path, httpx.ConnectError("connection refused"))
    response = await player.get(URL)
    assert (response.status_code, response.json()["peer"]) == (503, "auth")
    unknown = await service.post(f"{URL}/internal/verify", json={"installation_id": str(uuid4())})
    assert unknown.status_code == 404
