"""Scopes: granting at adoption, and later changes."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from cathouse_installation.services.catalog import Manifest
from cathouse_installation.services.errors import InvalidScopes
from cathouse_kit.testing import Execute, FakeServices
from cathouse_platform.testing import cat_body, scope_body
from hypothesis import given
from hypothesis import strategies as st

from .conftest import Adopt, Publish

URL = "/api/v1/installations"
CAT_ID = UUID("0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4e")


def errors_of(response: httpx.Response) -> list[tuple[str, str]]:
    assert response.status_code == 422, response.text
    assert response.json()["type"] == "urn:cathouse:problem:invalid_scopes"
    return [(error["type"], error["msg"].split()[0]) for error in response.json()["errors"]]


@given(
    declared=st.dictionaries(st.sampled_from("abcdef"), st.booleans()),
    asked=st.frozensets(st.sampled_from("abcdefgh")),
)
def test_granted_scopes_are_the_requested_ones_and_always_fit_the_manifest(
    declared: dict[str, bool], asked: frozenset[str]
) -> None:
    manifest = Manifest.model_validate(
        {
            "id": CAT_ID,
            "developer_id": CAT_ID,
            "name": "Chores",
            "status": "published",
            "version": "1.0.0",
            "scopes": [{"name": name, "required": needed} for name, needed in declared.items()],
        }
    )
    required = {name for name, needed in declared.items() if needed}
    if required <= asked <= declared.keys():
        assert manifest.grant(asked) == [name for name in declared if name in asked]
    else:
        with pytest.raises(InvalidScopes) as refused:
            manifest.grant(asked)
        named = {error["msg"].split()[0] for error in refused.value.members["errors"]}
        assert named == (required - asked) | (asked - declared.keys())


async def test_adoption_names_every_scope_that_is_missing_or_undeclared(
    player: httpx.AsyncClient, publish: Publish, sql: Execute
) -> None:
    body = {"cat_id": str(publish()), "granted_scopes": ["tasks:write", "tasks:burn", "all"]}
    assert errors_of(await player.post(URL, json=body)) == [
        ("undeclared_scope", "all"),
        ("undeclared_scope", "tasks:burn"),
        ("required_scope_missing", "tasks:read"),
    ]
    assert await sql("select 1 from installation.installations") == []


async def test_a_scope_that_is_named_twice_is_granted_once(adopt: Adopt) -> None:
    adopted = await adopt(granted_scopes=["tasks:write", "tasks:read", "tasks:write"])
    assert adopted["installation"]["granted_scopes"] == ["tasks:read", "tasks:write"]


async def test_a_cat_without_scopes_is_adopted_without_scopes(
    adopt: Adopt, publish: Publish
) -> None:
    adopted = await adopt(cat_id=str(publish(scopes=[])), granted_scopes=[])
    assert adopted["installation"]["granted_scopes"] == []


async def test_scopes_are_widened_and_narrowed(
    player: httpx.AsyncClient, installation: dict[str, Any]
) -> None:
    url = f"{URL}/{installation['id']}"
    for scopes in (["tasks:read", "tasks:write", "reminders:send"], ["tasks:read"]):
        changed = await player.put(f"{url}/scopes", json={"granted_scopes": scopes})
        assert changed.status_code == 200
        assert changed.json() == installation | {"granted_scopes": scopes}
        assert (await player.get(url)).json() == changed.json()


async def test_required_scopes_stay_and_undeclared_ones_are_refused(
    player: httpx.AsyncClient, installation: dict[str, Any]
) -> None:
    url = f"{URL}/{installation['id']}"
    narrowed = await player.put(f"{url}/scopes", json={"granted_scopes": []})
    assert errors_of(narrowed) == [("required_scope_missing", "tasks:read")]
    widened = await player.put(
        f"{url}/scopes", json={"granted_scopes": ["tasks:read", "tasks:burn"]}
    )
    assert errors_of(widened) == [("undeclared_scope", "tasks:burn")]
    assert (await player.get(url)).json() == installation


async def test_scopes_are_chosen_from_the_cats_newest_version(
    player: httpx.AsyncClient, installation: dict[str, Any], publish: Publish
) -> None:
    publish(
        UUID(installation["cat_id"]),
        version="2.0.0",
        scopes=[scope_body("lists:read", {"methods": ["GET"], "path": "/lists"}, required=True)],
    )
    url = f"{URL}/{installation['id']}"
    assert (await player.get(url)).json()["cat_version"] == "1.0.0"
    refused = await player.put(f"{url}/scopes", json={"granted_scopes": ["tasks:read"]})
    assert errors_of(refused) == [
        ("undeclared_scope", "tasks:read"),
        ("required_scope_missing", "lists:read"),
    ]
    changed = await player.put(f"{url}/scopes", json={"granted_scopes": ["lists:read"]})
    assert changed.json()["granted_scopes"] == ["lists:read"]
    assert changed.json()["cat_version"] == "2.0.0"


async def test_an_installation_of_a_suspended_cat_can_only_lose_scopes(
    player: httpx.AsyncClient, adopt: Adopt, publish: Publish
) -> None:
    adopted = (await adopt(granted_scopes=["tasks:read", "tasks:write"]))["installation"]
    publish(UUID(adopted["cat_id"]), status="suspended")
    url = f"{URL}/{adopted['id']}/scopes"
    wider = {"granted_scopes": ["tasks:read", "tasks:write", "reminders:send"]}
    refused = await player.put(url, json=wider)
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:cathouse:problem:cat_unavailable"
    narrowed = await player.put(url, json={"granted_scopes": ["tasks:read"]})
    assert narrowed.json()["granted_scopes"] == ["tasks:read"]


async def test_uninstalling_during_the_request_to_the_catalog_keeps_the_scopes(
    player: httpx.AsyncClient, installation: dict[str, Any], fake_services: FakeServices
) -> None:
    url = f"{URL}/{installation['id']}"
    path = f"/api/v1/catalog/internal/cats/{installation['cat_id']}"
    scope = scope_body("tasks:read", {"methods": ["GET"], "path": "/tasks"})
    manifest = cat_body(id=installation["cat_id"], version="9.0.0", scopes=[scope])

    async def uninstalled_meanwhile(_request: httpx.Request) -> httpx.Response:
        assert (await player.delete(url)).status_code == 204
        return httpx.Response(200, json=manifest)

    fake_services.on("GET", path, uninstalled_meanwhile)
    refused = await player.put(f"{url}/scopes", json={"granted_scopes": []})
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:cathouse:problem:installation_uninstalled"
    assert (await player.get(url)).json() == installation | {"status": "uninstalled"}


async def test_simultaneous_changes_leave_the_scopes_of_one_of_them(
    player: httpx.AsyncClient, installation: dict[str, Any]
) -> None:
    url = f"{URL}/{installation['id']}"
    choices = [["tasks:read"], ["tasks:read", "tasks:write"], ["tasks:read", "reminders:send"]]
    answers = await asyncio.gather(
        *(player.put(f"{url}/scopes", json={"granted_scopes": c}) for c in choices * 5)
    )
    assert {answer.status_code for answer in answers} == {200}
    assert (await player.get(url)).json()["granted_scopes"] in choices
