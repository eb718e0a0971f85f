"""Verification of an installation for other services."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from cathouse_kit.testing import Execute, Issuer
from cathouse_platform.platform import Role
from fastapi import FastAPI
from sqlalchemy import event, text

from .conftest import Adopt

URL = "/api/v1/installations"
VERIFY = f"{URL}/internal/verify"


async def test_an_installation_is_found_by_its_credential_and_by_its_id(
    service: httpx.AsyncClient, adopt: Adopt
) -> None:
    adopted = await adopt(granted_scopes=["tasks:read", "tasks:write"])
    installation = adopted["installation"]
    expected = {
        "installation_id": installation["id"],
        "user_id": installation["user_id"],
        "cat_id": installation["cat_id"],
        "status": "active",
        "granted_scopes": ["tasks:read", "tasks:write"],
    }
    for body in (
        {"credential": adopted["credential"]},
        {"installation_id": installation["id"]},
    ):
        response = await service.post(VERIFY, json=body)
        assert (response.status_code, response.json()) == (200, expected)


@pytest.mark.parametrize(
    "body",
    [
        {"credential": "cat_" + "A" * 43},
        {"credential": "\x00"},
        {"credential": "ключ"},
        {"credential": "\ud800"},
        {"installation_id": "0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4e"},
    ],
    ids=["credential", "nul", "letters", "half a pair", "id"],
)
async def test_an_unknown_installation_is_not_found(
    service: httpx.AsyncClient, installation: dict[str, Any], body: dict[str, str]
) -> None:
    # Escaped JSON, because httpx cannot encode an unpaired surrogate.
    response = await service.post(
        VERIFY, content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 404
    assert response.json()["type"] == "urn:cathouse:problem:unknown_installation"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"credential": None, "installation_id": None},
        {"credential": "cat_x", "installation_id": "0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4e"},
        {"credential": ""},
        {"credential": "c" * 257},
        {"installation_id": "not-an-id"},
        {"credential": "cat_x", "more": 1},
        [],
    ],
)
async def test_exactly_one_of_credential_and_id_is_accepted(
    service: httpx.AsyncClient, body: object
) -> None:
    assert (await service.post(VERIFY, json=body)).status_code == 422


async def test_unknown_query_parameters_of_newer_services_are_ignored(
    service: httpx.AsyncClient, installation: dict[str, Any]
) -> None:
    response = await service.post(
        VERIFY, json={"installation_id": installation["id"]}, params={"of_a_later_version": "x"}
    )
    assert response.status_code == 200


async def test_only_services_may_verify(
    client: httpx.AsyncClient, issuer: Issuer, adopt: Adopt
) -> None:
    adopted = await adopt()
    body = {"credential": adopted["credential"]}
    tokens = [issuer.token(role) for role in Role] + [adopted["credential"], "nonsense"]
    for token in tokens:
        response = await client.post(
            VERIFY, json=body, headers={"Authorization": f"Bearer {token}"}
        )
        assert response.status_code == 401
    assert (await client.post(VERIFY, json=body)).status_code == 401


async def test_the_next_verification_sees_changes_of_the_owner(
    player: httpx.AsyncClient, service: httpx.AsyncClient, adopt: Adopt
) -> None:
    adopted = await adopt(granted_scopes=["tasks:read", "tasks:write"])
    url = f"{URL}/{adopted['installation']['id']}"

    async def both() -> list[Any]:
        by_credential = await service.post(VERIFY, json={"credential": adopted["credential"]})
        by_id = await service.post(VERIFY, json={"installation_id": adopted["installation"]["id"]})
        assert by_credential.json() == by_id.json()
        return [by_id.json()["status"], by_id.json()["granted_scopes"]]

    await player.post(f"{url}/pause")
    assert await both() == ["paused", ["tasks:read", "tasks:write"]]
    await player.put(f"{url}/scopes", json={"granted_scopes": ["tasks:read"]})
    assert await both() == ["paused", ["tasks:read"]]
    await player.post(f"{url}/resume")
    assert await both() == ["active", ["tasks:read"]]
    await player.delete(url)
    assert await both() == ["uninstalled", ["tasks:read"]]


async def test_last_used_at_is_updated_at_most_once_a_minute(
    service: httpx.AsyncClient, player: httpx.AsyncClient, adopt: Adopt, sql: Execute
) -> None:
    adopted = await adopt()
    url = f"{URL}/{adopted['installation']['id']}"

    async def noted() -> Any:
        response = await service.post(VERIFY, json={"credential": adopted["credential"]})
        assert response.status_code == 200
        [row] = await sql("select xmin::text, last_used_at from installation.installations")
        return row

    first = await noted()
    assert (await player.get(url)).json()["last_used_at"].endswith("Z")
    assert await noted() == first
    back = "update installation.installations set last_used_at = now() - make_interval(secs => :s)"
    await sql(back, s=55)
    assert (await noted())["last_used_at"] < first["last_used_at"]
    await sql(back, s=61)
    assert (await noted())["last_used_at"] > first["last_used_at"]


async def test_verification_by_id_counts_as_use_only_for_the_owner(
    service: httpx.AsyncClient, player: httpx.AsyncClient, installation: dict[str, Any]
) -> None:
    url = f"{URL}/{installation['id']}"

    async def ask(used_by: str | None) -> Any:
        params = {"used_by": used_by} if used_by else {}
        response = await service.post(
            VERIFY, json={"installation_id": installation["id"]}, params=params
        )
        assert (response.status_code, response.json()["user_id"]) == (200, installation["user_id"])
        return (await player.get(url)).json()["last_used_at"]

    assert await ask(None) is None
    assert await ask(str(uuid4())) is None
    assert await ask(installation["user_id"]) is not None


@pytest.mark.parametrize("end", [("POST", "/pause"), ("DELETE", "")], ids=["paused", "uninstalled"])
async def test_verification_of_an_inactive_installation_is_no_use(
    service: httpx.AsyncClient,
    player: httpx.AsyncClient,
    installation: dict[str, Any],
    end: tuple[str, str],
) -> None:
    url = f"{URL}/{installation['id']}"
    await player.request(end[0], url + end[1])
    await service.post(
        VERIFY,
        json={"installation_id": installation["id"]},
        params={"used_by": installation["user_id"]},
    )
    assert (await player.get(url)).json()["last_used_at"] is None


async def test_it_responds_while_another_transaction_changes_the_installation(
    app: FastAPI, service: httpx.AsyncClient, installation: dict[str, Any]
) -> None:
    async with app.state.context.database.engine.begin() as connection:
        await connection.execute(text("update installation.installations set name = 'Slow'"))
        async with asyncio.timeout(3):
            response = await service.post(
                VERIFY,
                json={"installation_id": installation["id"]},
                params={"used_by": installation["user_id"]},
            )
    assert response.status_code == 200


async def test_fifty_simultaneous_verifications_succeed_and_write_once(
    service: httpx.AsyncClient,
    adopt: Adopt,
    sql: Execute,
    superuser: asyncpg.Connection,
) -> None:
    # Remove row versions of previous tests from the table's file.
    await superuser.execute("truncate installation.installations cascade")
    adopted = await adopt()
    answers = await asyncio.gather(
        *(service.post(VERIFY, json={"credential": adopted["credential"]}) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {200}
    # The adoption wrote the first row version, and the questions wrote only one more.
    [row] = await sql("select ctid::text, last_used_at from installation.installations")
    assert row["ctid"] == "(0,2)"
    assert row["last_used_at"] is not None


async def test_it_is_one_statement(
    app: FastAPI, service: httpx.AsyncClient, installation: dict[str, Any]
) -> None:
    statements: list[str] = []
    engine = app.state.context.database.engine.sync_engine

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    await service.post(
        VERIFY,
        json={"installation_id": installation["id"]},
        params={"used_by": installation["user_id"]},
    )
    event.remove(engine, "before_cursor_execute", note)
    assert len(statements) == 1
