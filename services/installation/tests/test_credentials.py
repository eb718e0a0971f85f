"""Credentials: in plain text only in the response, and invalid as soon as they are replaced."""

import hashlib
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from cathouse_installation.main import create_app
from cathouse_installation.settings import Settings
from cathouse_kit.testing import Execute, FakeServices, Issuer, bearer, recorded_events, running
from loguru import logger

from .conftest import Adopt

URL = "/api/v1/installations"


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """The lines that loguru logs, with their extras and tracebacks."""
    lines: list[str] = []
    sink = logger.add(lines.append, level=0, format="{message} {extra} {exception}", diagnose=True)
    yield lines
    logger.remove(sink)


async def test_a_credential_is_a_prefix_and_256_unique_bits(adopt: Adopt) -> None:
    credentials = {(await adopt())["credential"] for _ in range(3)}
    assert len(credentials) == 3
    assert all(re.fullmatch(r"cat_[A-Za-z0-9_-]{43}", credential) for credential in credentials)


async def test_only_the_hash_of_a_credential_is_stored(adopt: Adopt, sql: Execute) -> None:
    credential = (await adopt())["credential"]
    [stored] = await sql("select * from installation.installations")
    assert stored["credential_hash"] == hashlib.sha256(credential.encode()).digest()
    shown = [str(value) for value in stored.values()]
    assert not any(credential in value or credential[4:] in value for value in shown)


async def test_no_route_shows_a_credential_again(
    player: httpx.AsyncClient, service: httpx.AsyncClient, adopt: Adopt
) -> None:
    adopted = await adopt()
    url = f"{URL}/{adopted['installation']['id']}"
    answers = [
        await player.get(url),
        await player.get(URL),
        await player.patch(url, json={"name": "Home"}),
        await player.post(f"{url}/pause"),
        await player.post(f"{url}/resume"),
        await player.put(f"{url}/scopes", json={"granted_scopes": ["tasks:read"]}),
        await service.post(f"{URL}/internal/verify", json={"credential": adopted["credential"]}),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert "cat_" not in answer.text.replace("cat_id", "").replace("cat_version", "")


async def test_rotation_creates_a_credential_and_invalidates_the_old_one_at_once(
    player: httpx.AsyncClient, service: httpx.AsyncClient, adopt: Adopt
) -> None:
    adopted = await adopt()
    response = await player.post(f"{URL}/{adopted['installation']['id']}/credential")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    rotated = response.json()
    assert rotated["installation"] == adopted["installation"]
    assert rotated["credential"] != adopted["credential"]
    old = await service.post(f"{URL}/internal/verify", json={"credential": adopted["credential"]})
    new = await service.post(f"{URL}/internal/verify", json={"credential": rotated["credential"]})
    assert (old.status_code, new.status_code) == (404, 200)


async def test_no_credential_is_logged_even_in_debug_mode(
    settings: Settings,
    fake_services: FakeServices,
    issuer: Issuer,
    service_token: str,
    publish: Callable[..., Any],
    emptied: None,
    logged: list[str],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    app = create_app(settings.model_copy(update={"debug": True}), transport=fake_services.transport)
    body = {"cat_id": str(publish()), "granted_scopes": ["tasks:read"]}
    key = {"Idempotency-Key": "do-not-log-this-key"}
    player, service = issuer.headers(), bearer(service_token)
    verify = f"{URL}/internal/verify"
    async with running(app) as client:
        adopted = (await client.post(URL, json=body, headers=player | key)).json()
        await client.post(URL, json=body, headers=player | key)
        url = f"{URL}/{adopted['installation']['id']}/credential"
        rotated = (await client.post(url, headers=player)).json()
        secrets = [adopted["credential"], rotated["credential"]]
        for secret in secrets:
            await client.post(verify, json={"credential": secret}, headers=service)
            await client.post(verify, json={"credential": secret, "x": 1}, headers=service)
            await client.post(verify, json={"credential": secret})
            await client.get(URL, headers=bearer(secret))
    everything = "".join(logged) + caplog.text + "".join(capfd.readouterr())
    assert "INSERT INTO installation.installations" in everything
    assert "/api/v1/installations/internal/verify" in everything
    secrets += [service_token, player["Authorization"].split()[1], key["Idempotency-Key"]]
    assert [secret for secret in secrets if secret in everything] == []


async def test_a_rotation_logs_a_security_event_and_a_refused_one_does_not(
    player: httpx.AsyncClient, stranger: httpx.AsyncClient, player_id: UUID, adopt: Adopt
) -> None:
    installation_id = (await adopt())["installation"]["id"]
    url = f"{URL}/{installation_id}/credential"
    with recorded_events() as events:
        assert (await stranger.post(url)).status_code == 404
        assert events == []
        rotated = await player.post(url)
        assert rotated.status_code == 200
    (event,) = events
    assert (event["event"], event["actor_id"], event["subject_id"]) == (
        "credential_rotated",
        str(player_id),
        installation_id,
    )
    assert rotated.json()["credential"] not in str(event)
