"""Adoption of a cat: permissions, checks, and stored values."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from cathouse_kit.testing import Execute, FakeServices, Issuer
from cathouse_platform.platform import Role
from cathouse_platform.testing import cat_body, problem

from .conftest import SCOPES, Adopt, Publish

URL = "/api/v1/installations"


async def test_adopting_returns_the_installation_its_location_and_a_credential(
    player: httpx.AsyncClient, player_id: UUID, publish: Publish
) -> None:
    cat_id = publish(version="2.3.1")
    body = {
        "cat_id": str(cat_id),
        "granted_scopes": ["tasks:write", "tasks:read"],
        "name": " Home ",
        "settings": {"theme": "dark"},
    }
    response = await player.post(URL, json=body)
    assert response.status_code == 201
    adopted = response.json()
    installation = adopted["installation"]
    assert UUID(installation["id"]).version == 7
    assert installation.pop("installed_at").endswith("Z")
    assert installation == {
        "id": installation["id"],
        "user_id": str(player_id),
        "cat_id": str(cat_id),
        "cat_version": "2.3.1",
        "name": "Home",
        "status": "active",
        "granted_scopes": ["tasks:read", "tasks:write"],
        "settings": {"theme": "dark"},
        "last_used_at": None,
    }
    assert adopted["credential"].startswith("cat_")
    assert response.headers["location"] == f"{URL}/{installation['id']}"
    assert response.headers["cache-control"] == "no-store"
    read = await player.get(response.headers["location"])
    assert read.json().items() >= installation.items()


async def test_without_name_and_settings_it_gets_the_cats_name_and_empty_settings(
    adopt: Adopt, publish: Publish
) -> None:
    adopted = await adopt(cat_id=str(publish(name="Naps")))
    assert (adopted["installation"]["name"], adopted["installation"]["settings"]) == ("Naps", {})


async def test_a_name_of_a_cat_that_is_too_long_for_an_installation_is_cut(
    adopt: Adopt, fake_services: FakeServices
) -> None:
    cat = cat_body(name="n" * 200, scopes=SCOPES)
    path = f"/api/v1/catalog/internal/cats/{cat['id']}"
    fake_services.on_undescribed("GET", path, httpx.Response(200, json=cat))
    adopted = await adopt(cat_id=cat["id"])
    assert adopted["installation"]["name"] == "n" * 80


async def test_requests_to_the_catalog_have_the_service_token_and_the_request_id(
    player: httpx.AsyncClient,
    publish: Publish,
    fake_services: FakeServices,
    service_token: str,
) -> None:
    cat_id = publish()
    body = {"cat_id": str(cat_id), "granted_scopes": ["tasks:read"]}
    await player.post(URL, json=body, headers={"X-Request-ID": "adopt-0001"})
    asked = fake_services.calls[-1]
    assert asked.url.path == f"/api/v1/catalog/internal/cats/{cat_id}"
    assert asked.headers["authorization"] == f"Bearer {service_token}"
    assert asked.headers["x-request-id"] == "adopt-0001"


@pytest.mark.parametrize("status", ["draft", "submitted", "rejected", "suspended"])
async def test_a_cat_that_is_not_published_is_not_found(
    player: httpx.AsyncClient, publish: Publish, sql: Execute, status: str
) -> None:
    body = {"cat_id": str(publish(status=status)), "granted_scopes": ["tasks:read"]}
    response = await player.post(URL, json=body)
    assert response.status_code == 404
    assert response.json()["type"] == "urn:cathouse:problem:cat_not_found"
    assert await sql("select 1 from installation.installations") == []


async def test_a_cat_that_the_catalog_does_not_know_is_not_found(
    player: httpx.AsyncClient, fake_services: FakeServices
) -> None:
    cat_id = uuid4()
    path = f"/api/v1/catalog/internal/cats/{cat_id}"
    fake_services.on("GET", path, problem(404, "cat_not_found"))
    response = await player.post(URL, json={"cat_id": str(cat_id), "granted_scopes": []})
    assert response.status_code == 404
    assert response.json()["type"] == "urn:cathouse:problem:cat_not_found"


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.ADMIN])
async def test_only_players_adopt(
    client: httpx.AsyncClient, issuer: Issuer, publish: Publish, role: Role
) -> None:
    body = {"cat_id": str(publish()), "granted_scopes": ["tasks:read"]}
    response = await client.post(URL, json=body, headers=issuer.headers(role))
    assert response.status_code == 403
    assert (await client.post(URL, json=body)).status_code == 401


@pytest.mark.parametrize("status", ["active", "paused"])
async def test_adopting_a_cat_twice_is_refused_and_names_the_installation(
    player: httpx.AsyncClient, installation: dict[str, Any], status: str
) -> None:
    if status == "paused":
        await player.post(f"{URL}/{installation['id']}/pause")
    body = {"cat_id": installation["cat_id"], "granted_scopes": ["tasks:read"]}
    response = await player.post(URL, json=body)
    assert response.status_code == 409
    problem = response.json()
    assert problem["type"] == "urn:cathouse:problem:already_adopted"
    assert problem["installation_id"] == installation["id"]


async def test_an_uninstalled_cat_can_be_adopted_again_as_a_new_installation(
    player: httpx.AsyncClient, installation: dict[str, Any]
) -> None:
    await player.delete(f"{URL}/{installation['id']}")
    body = {"cat_id": installation["cat_id"], "granted_scopes": ["tasks:read"]}
    again = await player.post(URL, json=body)
    assert again.status_code == 201
    assert again.json()["installation"]["id"] != installation["id"]
    assert (await player.get(f"{URL}/{installation['id']}")).json()["status"] == "uninstalled"


async def test_two_players_adopt_the_same_cat(
    stranger: httpx.AsyncClient, installation: dict[str, Any]
) -> None:
    body = {"cat_id": installation["cat_id"], "granted_scopes": ["tasks:read"]}
    assert (await stranger.post(URL, json=body)).status_code == 201


async def test_fifty_simultaneous_adoptions_of_a_cat_create_one_installation(
    player: httpx.AsyncClient, publish: Publish, sql: Execute
) -> None:
    body = {"cat_id": str(publish()), "granted_scopes": ["tasks:read"]}
    answers = await asyncio.gather(*(player.post(URL, json=body) for _ in range(50)))
    made = [answer.json()["installation"]["id"] for answer in answers if answer.is_success]
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert (len(made), len(refused)) == (1, 49)
    assert {problem["installation_id"] for problem in refused} == set(made)
    assert len(await sql("select 1 from installation.installations")) == 1
