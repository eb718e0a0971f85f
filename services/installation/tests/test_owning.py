"""Only owners see and change their installations."""

from typing import Any

import httpx
import pytest
from cathouse_kit.testing import Issuer
from cathouse_platform.platform import Role
from fastapi import FastAPI
from sqlalchemy import event

from .conftest import Adopt

URL = "/api/v1/installations"


OWNERS_ROUTES = [
    ("GET", "", None),
    ("PATCH", "", {"name": "Mine now"}),
    ("DELETE", "", None),
    ("POST", "/pause", None),
    ("POST", "/resume", None),
    ("PUT", "/scopes", {"granted_scopes": ["tasks:read"]}),
    ("POST", "/credential", None),
]


@pytest.mark.parametrize(("method", "path", "body"), OWNERS_ROUTES)
async def test_an_installation_of_another_user_is_not_found_and_not_changed(
    client: httpx.AsyncClient,
    player: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    service: httpx.AsyncClient,
    issuer: Issuer,
    adopt: Adopt,
    method: str,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    adopted = await adopt()
    url = f"{URL}/{adopted['installation']['id']}{path}"
    for headers in (stranger.headers, issuer.headers(Role.DEVELOPER), issuer.headers(Role.ADMIN)):
        response = await client.request(method, url, json=body, headers=headers)
        assert response.status_code == 404
        assert response.json()["type"] == "urn:cathouse:problem:installation_not_found"
    assert (await client.request(method, url, json=body)).status_code == 401
    assert (await service.request(method, url, json=body)).status_code == 401
    mine = await player.get(f"{URL}/{adopted['installation']['id']}")
    assert mine.json() == adopted["installation"]
    verified = await service.post(
        f"{URL}/internal/verify", json={"credential": adopted["credential"]}
    )
    assert verified.status_code == 200


async def test_an_owner_keeps_installations_after_a_change_of_role(
    client: httpx.AsyncClient, issuer: Issuer, installation: dict[str, Any]
) -> None:
    headers = issuer.headers(Role.DEVELOPER, installation["user_id"])
    read = await client.get(f"{URL}/{installation['id']}", headers=headers)
    assert read.json() == installation


async def test_name_and_settings_change_separately_and_settings_as_a_whole(
    player: httpx.AsyncClient, adopt: Adopt
) -> None:
    adopted = (await adopt(name="Home", settings={"a": 1, "b": 2}))["installation"]
    url = f"{URL}/{adopted['id']}"
    renamed = await player.patch(url, json={"name": "Office"})
    assert renamed.json() == adopted | {"name": "Office"}
    changed = await player.patch(url, json={"settings": {"b": [None, 1.5, "ü"]}})
    assert changed.json() == adopted | {"name": "Office", "settings": {"b": [None, 1.5, "ü"]}}
    assert (await player.patch(url, json={})).json() == changed.json()
    assert (await player.get(url)).json() == changed.json()


async def test_the_list_has_only_my_installations_newest_first(
    player: httpx.AsyncClient, stranger: httpx.AsyncClient, adopt: Adopt
) -> None:
    adopted = [(await adopt())["installation"] for _ in range(3)]
    await player.delete(f"{URL}/{adopted[1]['id']}")
    adopted[1]["status"] = "uninstalled"
    assert (await player.get(URL)).json() == {"items": adopted[::-1], "next_cursor": None}
    assert (await stranger.get(URL)).json() == {"items": [], "next_cursor": None}


async def test_pages_lose_and_repeat_nothing_while_cats_are_adopted(
    player: httpx.AsyncClient, adopt: Adopt
) -> None:
    before = [(await adopt())["installation"]["id"] for _ in range(8)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await player.get(URL, params=query)).json()
        assert len(page["items"]) <= 3
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        await adopt()
    assert seen == before[::-1]


async def test_a_list_of_any_length_is_one_query(
    app: FastAPI, player: httpx.AsyncClient, adopt: Adopt
) -> None:
    for _ in range(6):
        await adopt()
    statements: list[str] = []
    engine = app.state.context.database.engine.sync_engine

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    page = (await player.get(URL)).json()
    event.remove(engine, "before_cursor_execute", note)
    assert len(page["items"]) == 6
    assert len(statements) == 1
