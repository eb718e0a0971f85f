"""The status of an installation: a table of every request in every status."""

import asyncio
from typing import Any

import httpx
import pytest

from .conftest import Adopt

URL = "/api/v1/installations"

REQUESTS: dict[str, tuple[str, str, Any]] = {
    "read": ("GET", "", None),
    "pause": ("POST", "/pause", None),
    "resume": ("POST", "/resume", None),
    "uninstall": ("DELETE", "", None),
    "rename": ("PATCH", "", {"name": "Renamed"}),
    "scopes": ("PUT", "/scopes", {"granted_scopes": ["tasks:read"]}),
    "rotate": ("POST", "/credential", None),
}
TO_GET_THERE = {"active": None, "paused": "pause", "uninstalled": "uninstall"}
#       from           request      response  to
LIFE = [
    ("active", "read", 200, "active"),
    ("active", "pause", 200, "paused"),
    ("active", "resume", 200, "active"),
    ("active", "uninstall", 204, "uninstalled"),
    ("active", "rename", 200, "active"),
    ("active", "scopes", 200, "active"),
    ("active", "rotate", 200, "active"),
    ("paused", "read", 200, "paused"),
    ("paused", "pause", 200, "paused"),
    ("paused", "resume", 200, "active"),
    ("paused", "uninstall", 204, "uninstalled"),
    ("paused", "rename", 200, "paused"),
    ("paused", "scopes", 200, "paused"),
    ("paused", "rotate", 200, "paused"),
    ("uninstalled", "read", 200, "uninstalled"),
    ("uninstalled", "pause", 409, "uninstalled"),
    ("uninstalled", "resume", 409, "uninstalled"),
    ("uninstalled", "uninstall", 204, "uninstalled"),
    ("uninstalled", "rename", 409, "uninstalled"),
    ("uninstalled", "scopes", 409, "uninstalled"),
    ("uninstalled", "rotate", 409, "uninstalled"),
]


async def send(
    player: httpx.AsyncClient, installation: dict[str, Any], request: str
) -> httpx.Response:
    method, path, body = REQUESTS[request]
    return await player.request(method, f"{URL}/{installation['id']}{path}", json=body)


def test_the_table_has_every_request_in_every_status() -> None:
    assert {(start, request) for start, request, _, _ in LIFE} == {
        (status, request) for status in TO_GET_THERE for request in REQUESTS
    }


@pytest.mark.parametrize(("start", "request_name", "answer", "end"), LIFE)
async def test_each_request_has_the_response_and_result_in_the_table(
    player: httpx.AsyncClient,
    adopt: Adopt,
    start: str,
    request_name: str,
    answer: int,
    end: str,
) -> None:
    adopted = await adopt()
    installation = adopted["installation"]
    if step := TO_GET_THERE[start]:
        await send(player, installation, step)
    before = (await send(player, installation, "read")).json()
    assert before["status"] == start

    response = await send(player, installation, request_name)

    assert response.status_code == answer, response.text
    after = (await send(player, installation, "read")).json()
    assert after["status"] == end
    if answer == 409:
        assert response.json()["type"] == "urn:cathouse:problem:installation_uninstalled"
        assert after == before
    if answer == 200 and request_name != "rotate":
        assert response.json() == after


async def test_uninstalling_wins_over_simultaneous_pauses_and_resumes(
    player: httpx.AsyncClient, installation: dict[str, Any]
) -> None:
    requests = ["pause", "resume"] * 5 + ["uninstall"] + ["pause", "resume"] * 5
    answers = await asyncio.gather(*(send(player, installation, name) for name in requests))
    assert {answer.status_code for answer in answers} <= {200, 204, 409}
    assert (await send(player, installation, "read")).json()["status"] == "uninstalled"
