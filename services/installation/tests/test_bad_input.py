"""Invalid input gets a response that names the error. It never fails with a 500, and writes nothing."""

import base64
import json
from typing import Any

import httpx
import pytest
from cathouse_kit.testing import Execute

from .conftest import Publish

URL = "/api/v1/installations"
SOME_ID = "0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4e"
JSON = {"Content-Type": "application/json"}


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"in": value}
    return value


BAD_SETTINGS = {
    "a list": "[]",
    "null": "null",
    "text": '"dark"',
    "too long": json.dumps({"text": "ü" * 8192}),
    "too many": json.dumps({str(n): n for n in range(4000)}),
    "too deep": json.dumps(nested(11)),
    "lists too deep": '{"a":' + "[" * 10 + "]" * 10 + "}",
    "deeper than the parser": '{"a":' + "[" * 100_000 + "]" * 100_000 + "}",
    "NUL": r'{"a": "b\u0000c"}',
    "NUL in a name": r'{"a\u0000": 1}',
    "NUL deep inside": r'{"a": [{"b": ["\u0000"]}]}',
    "half a surrogate pair": r'{"a": "\ud800"}',
    "half a surrogate pair in a name": r'{"\udfff": 1}',
    "NaN": '{"a": NaN}',
    "infinity": '{"a": [-Infinity]}',
    "a number that is infinity": '{"a": 1e999}',
    "a number without end": '{"a": ' + "9" * 5000 + "}",
}


@pytest.mark.parametrize("bad", BAD_SETTINGS.values(), ids=BAD_SETTINGS.keys())
async def test_settings_that_cannot_be_stored_are_refused(
    player: httpx.AsyncClient, installation: dict[str, Any], bad: str
) -> None:
    adoption = f'{{"cat_id": "{SOME_ID}", "granted_scopes": [], "settings": {bad}}}'
    url = f"{URL}/{installation['id']}"
    for response in (
        await player.post(URL, content=adoption, headers=JSON),
        await player.patch(url, content=f'{{"settings": {bad}}}', headers=JSON),
    ):
        # 400 if the JSON parser fails, otherwise 422.
        assert response.status_code in (400, 422), response.text
        assert response.headers["content-type"] == "application/problem+json"
    assert (await player.get(url)).json() == installation


async def test_settings_up_to_the_limits_are_returned_unchanged(
    player: httpx.AsyncClient, installation: dict[str, Any]
) -> None:
    url = f"{URL}/{installation['id']}"
    for settings in (
        nested(10),
        {"text": "x" * (16 * 1024 - len('{"text":""}'))},
        {"numbers": [0, -1, 1.5, 1e300, 2**70], "text": '\t\n"\\\x7f👍', "z": 1, "a": [None, True]},
    ):
        changed = await player.patch(url, json={"settings": settings})
        assert changed.status_code == 200
        read = (await player.get(url)).json()["settings"]
        assert json.dumps(read) == json.dumps(settings)


@pytest.mark.parametrize(
    "change",
    [
        {"cat_id": "chores"},
        {"cat_id": None},
        {"granted_scopes": None},
        {"granted_scopes": "tasks:read"},
        {"granted_scopes": [1]},
        {"granted_scopes": ["tasks\x00read"]},
        {"granted_scopes": ["s" * 101]},
        {"granted_scopes": [f"scope:{n}" for n in range(101)]},
        {"name": ""},
        {"name": "  "},
        {"name": "n" * 81},
        {"name": "a\x00b"},
        {"name": "two\nlines"},
        {"user_id": SOME_ID},
        {"cat_id\x00": 1},
    ],
    ids=str,
)
async def test_an_adoption_with_an_invalid_field_is_refused_and_names_the_field(
    player: httpx.AsyncClient, publish: Publish, sql: Execute, change: dict[str, Any]
) -> None:
    body = {"cat_id": str(publish()), "granted_scopes": ["tasks:read"]} | change
    response = await player.post(URL, json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"][:2] == ["body", next(iter(change))]
    assert await sql("select 1 from installation.installations") == []


@pytest.mark.parametrize("body", ["", "{", "null", "[]", '"x"', "\x00", '{"\\ud800": 1}'])
async def test_an_invalid_adoption_body_is_refused(player: httpx.AsyncClient, body: str) -> None:
    response = await player.post(URL, content=body.encode(), headers=JSON)
    assert response.status_code == 422, response.text


async def test_a_body_over_the_limit_is_too_large(player: httpx.AsyncClient) -> None:
    response = await player.post(URL, content=b'{"name": "' + b"x" * 2**20 + b'"}', headers=JSON)
    assert response.status_code == 413


@pytest.mark.parametrize(
    "change",
    [{"name": None}, {"settings": None}, {"name": "a\x00"}, {"status": "active"}, {"id": "x"}],
    ids=str,
)
async def test_a_change_with_an_invalid_field_changes_nothing(
    player: httpx.AsyncClient, installation: dict[str, Any], change: dict[str, Any]
) -> None:
    url = f"{URL}/{installation['id']}"
    response = await player.patch(url, json={"name": "Renamed"} | change)
    assert response.status_code == 422
    assert (await player.get(url)).json() == installation


@pytest.mark.parametrize("scopes", [{}, {"granted_scopes": None}, {"granted_scopes": ["\x00"]}, []])
async def test_invalid_scopes_are_refused(
    player: httpx.AsyncClient, installation: dict[str, Any], scopes: object
) -> None:
    response = await player.put(f"{URL}/{installation['id']}/scopes", json=scopes)
    assert response.status_code == 422


@pytest.mark.parametrize(
    "name", ["x", "%00", "1", "0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4", "internal"]
)
async def test_an_invalid_id_is_refused(player: httpx.AsyncClient, name: str) -> None:
    for method, path in [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/pause")]:
        response = await player.request(method, f"{URL}/{name}{path}", json={})
        assert response.status_code == 422


def cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "many"},
        {"cursor": "nonsense"},
        {"cursor": ""},
        {"cursor": "\x00"},
        {"cursor": "ü"},
        {"cursor": "x" * 1025},
        {"cursor": cursor("newest")},
        {"cursor": cursor("newest", "x")},
        {"cursor": cursor("newest", "a\x00b")},
        {"cursor": cursor("newest", None)},
        {"cursor": cursor("newest", 7)},
        {"cursor": cursor("newest", {})},
        {"cursor": cursor("newest", SOME_ID, SOME_ID)},
        {"cursor": cursor("rating", SOME_ID)},
        {"cursor": base64.urlsafe_b64encode(b"\xff\xfe").decode()},
    ],
    ids=str,
)
async def test_invalid_page_parameters_are_refused(
    player: httpx.AsyncClient, query: dict[str, str]
) -> None:
    response = await player.get(URL, params=query)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["loc"] == ["query", next(iter(query))]


async def test_the_collection_responds_without_a_redirect(player: httpx.AsyncClient) -> None:
    assert (await player.get(URL)).status_code == 200
    assert (await player.put(URL, json={})).status_code == 405
