"""Disabled people cannot adopt cats, and nobody can adopt cats of disabled developers."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from cathouse_installation.main import create_app
from cathouse_installation.settings import Settings
from cathouse_kit.revocations import Revocations
from cathouse_kit.testing import Execute, FakeServices, Issuer, running
from cathouse_platform.platform import PLATFORM, Role
from fastapi import FastAPI

from .conftest import Publish

URL = "/api/v1/installations"


@pytest.fixture
def revocations(app: FastAPI) -> Revocations:
    known: Revocations = app.state.context.revocations
    return known


def kind(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].rpartition(":")[2]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", {"cat_id": "{cat}", "granted_scopes": ["tasks:read"]}),
        ("POST", "/{id}/credential", None),
        ("PUT", "/{id}/scopes", {"granted_scopes": ["tasks:read", "tasks:write"]}),
        ("POST", "/{id}/resume", None),
        ("PATCH", "/{id}", {"name": "Mine"}),
        ("GET", "", None),
        ("GET", "/{id}", None),
    ],
)
async def test_a_disabled_player_is_refused_everywhere(
    player: httpx.AsyncClient,
    player_id: UUID,
    installation: dict[str, Any],
    publish: Publish,
    fake_services: FakeServices,
    revocations: Revocations,
    sql: Execute,
    method: str,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    fake_services.revocations.note(player_id, active=False)
    await revocations.poll()
    before = await sql("select * from installations")
    filled = body and body | ({"cat_id": str(publish())} if "cat_id" in body else {})
    response = await player.request(method, URL + path.format(**installation), json=filled)
    assert kind(response) == (403, "account_disabled")
    assert await sql("select * from installations") == before


async def test_the_cat_of_a_disabled_developer_cannot_be_adopted_until_they_are_enabled(
    player: httpx.AsyncClient,
    publish: Publish,
    fake_services: FakeServices,
    revocations: Revocations,
    sql: Execute,
) -> None:
    developer = uuid4()
    adoption = {
        "cat_id": str(publish(developer_id=str(developer))),
        "granted_scopes": ["tasks:read"],
    }
    fake_services.revocations.note(developer, active=False)
    await revocations.poll()
    assert kind(await player.post(URL, json=adoption)) == (409, "developer_disabled")
    assert await sql("select * from installations") == []
    fake_services.revocations.note(developer, active=True)
    await revocations.poll()
    assert (await player.post(URL, json=adoption)).status_code == 201


async def test_an_installation_of_a_disabled_developers_cat_can_only_lose_scopes(
    player: httpx.AsyncClient,
    publish: Publish,
    fake_services: FakeServices,
    revocations: Revocations,
) -> None:
    developer, both = uuid4(), ["tasks:read", "tasks:write"]
    adoption = {"cat_id": str(publish(developer_id=str(developer))), "granted_scopes": both}
    adopted = (await player.post(URL, json=adoption)).json()["installation"]
    scopes = f"{URL}/{adopted['id']}/scopes"
    fake_services.revocations.note(developer, active=False)
    await revocations.poll()
    narrowed = await player.put(scopes, json={"granted_scopes": ["tasks:read"]})
    assert narrowed.json()["granted_scopes"] == ["tasks:read"]
    widened = await player.put(scopes, json={"granted_scopes": both})
    assert kind(widened) == (409, "developer_disabled")


async def test_a_repeated_adoption_succeeds_after_the_developer_was_disabled(
    player: httpx.AsyncClient,
    publish: Publish,
    fake_services: FakeServices,
    revocations: Revocations,
) -> None:
    developer = uuid4()
    adoption = {
        "cat_id": str(publish(developer_id=str(developer))),
        "granted_scopes": ["tasks:read"],
    }
    key = {"Idempotency-Key": "once"}
    first = await player.post(URL, json=adoption, headers=key)
    fake_services.revocations.note(developer, active=False)
    await revocations.poll()
    again = await player.post(URL, json=adoption, headers=key)
    assert again.json()["credential"] == first.json()["credential"]


async def test_a_cold_start_without_auth_refuses_adoption_and_names_auth(
    settings: Settings,
    fake_services: FakeServices,
    issuer: Issuer,
    publish: Publish,
    emptied: None,
) -> None:
    fake_services.on("GET", PLATFORM.identity.revocations_path, httpx.ConnectError("refused"))
    adoption = {"cat_id": str(publish()), "granted_scopes": ["tasks:read"]}
    async with running(create_app(settings, transport=fake_services.transport)) as client:
        response = await client.post(URL, json=adoption, headers=issuer.headers(Role.PLAYER))
    assert kind(response) == (503, "peer_unavailable")
    assert response.json()["peer"] == "auth"
