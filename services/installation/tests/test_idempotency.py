"""Idempotency-Key: after a lost response, a repeat gives the same installation and a working credential."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from cathouse_installation.main import create_app
from cathouse_installation.settings import Settings
from cathouse_kit.testing import Execute, FakeServices, running
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text

from .conftest import Publish

URL = "/api/v1/installations"
KEY = {"Idempotency-Key": "7d0f8a52-6f0e-4b51-9a0c-5f1f3f3f7a11"}


@pytest.fixture
def adoption(publish: Publish) -> dict[str, Any]:
    return {"cat_id": str(publish()), "granted_scopes": ["tasks:read", "tasks:write"]}


async def works(service: httpx.AsyncClient, credential: str) -> bool:
    response = await service.post(f"{URL}/internal/verify", json={"credential": credential})
    return response.status_code == 200


async def test_a_repeat_gets_the_same_installation_and_a_credential_that_works(
    player: httpx.AsyncClient, service: httpx.AsyncClient, adoption: dict[str, Any], sql: Execute
) -> None:
    first = await player.post(URL, json=adoption, headers=KEY)
    again = await player.post(URL, json=adoption, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert await works(service, again.json()["credential"])
    assert len(await sql("select 1 from installation.installations")) == 1


async def test_fifty_simultaneous_requests_with_one_key_give_one_installation(
    player: httpx.AsyncClient, service: httpx.AsyncClient, adoption: dict[str, Any], sql: Execute
) -> None:
    answers = await asyncio.gather(
        *(player.post(URL, json=adoption, headers=KEY) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert await works(service, answers[0].json()["credential"])
    assert len(await sql("select 1 from installation.installations")) == 1
    assert len(await sql("select 1 from installation.idempotency_keys")) == 1


async def test_fifty_simultaneous_requests_with_one_key_and_different_bodies_give_one_installation(
    player: httpx.AsyncClient, publish: Publish, sql: Execute
) -> None:
    answers = await asyncio.gather(
        *(
            player.post(
                URL,
                json={"cat_id": str(publish()), "granted_scopes": ["tasks:read"]},
                headers=KEY,
            )
            for _ in range(50)
        )
    )
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(201), statuses.count(422)) == (1, 49)
    assert len(await sql("select 1 from installation.installations")) == 1


async def test_a_repeat_may_have_the_same_content_in_other_json(
    player: httpx.AsyncClient, adoption: dict[str, Any]
) -> None:
    first = await player.post(
        URL, json=adoption | {"name": "Home", "settings": {"a": 1, "b": 2}}, headers=KEY
    )
    again = await player.post(
        URL,
        json={
            "settings": {"b": 2, "a": 1},
            "name": " Home",
            "granted_scopes": ["tasks:write", "tasks:read"],
            "cat_id": adoption["cat_id"].upper(),
        },
        headers=KEY,
    )
    assert again.json() == first.json()


@pytest.mark.parametrize(
    "change",
    [
        {"granted_scopes": ["tasks:read"]},
        {"name": "Home"},
        {"settings": {"theme": "dark"}},
        {"cat_id": "0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4e"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_key_with_another_body_is_refused(
    player: httpx.AsyncClient, adoption: dict[str, Any], sql: Execute, change: dict[str, Any]
) -> None:
    await player.post(URL, json=adoption, headers=KEY)
    refused = await player.post(URL, json=adoption | change, headers=KEY)
    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:cathouse:problem:idempotency_key_reused"
    assert len(await sql("select 1 from installation.installations")) == 1


async def test_a_key_belongs_to_one_player(
    player: httpx.AsyncClient, stranger: httpx.AsyncClient, adoption: dict[str, Any]
) -> None:
    mine = (await player.post(URL, json=adoption, headers=KEY)).json()
    theirs = (await stranger.post(URL, json=adoption, headers=KEY)).json()
    assert mine["installation"]["id"] != theirs["installation"]["id"]
    assert mine["credential"] != theirs["credential"]


async def test_another_key_does_not_adopt_a_cat_twice(
    player: httpx.AsyncClient, adoption: dict[str, Any]
) -> None:
    first = await player.post(URL, json=adoption, headers=KEY)
    other = await player.post(URL, json=adoption, headers={"Idempotency-Key": "another"})
    assert other.status_code == 409
    assert other.json()["installation_id"] == first.json()["installation"]["id"]


async def test_a_repeat_succeeds_while_the_catalog_is_down_or_the_cat_suspended(
    player: httpx.AsyncClient, adoption: dict[str, Any], fake_services: FakeServices
) -> None:
    first = await player.post(URL, json=adoption, headers=KEY)
    fake_services.on(
        "GET",
        f"/api/v1/catalog/internal/cats/{adoption['cat_id']}",
        AssertionError("a repeat must not ask the catalog"),
    )
    assert (await player.post(URL, json=adoption, headers=KEY)).json() == first.json()


async def test_an_adoption_that_was_refused_can_be_repeated_with_its_key(
    player: httpx.AsyncClient, adoption: dict[str, Any], publish: Publish
) -> None:
    publish(UUID(adoption["cat_id"]), status="submitted")
    assert (await player.post(URL, json=adoption, headers=KEY)).status_code == 404
    publish(UUID(adoption["cat_id"]))
    assert (await player.post(URL, json=adoption, headers=KEY)).status_code == 201


async def test_a_repeat_after_a_rotation_is_refused_and_the_new_credential_still_works(
    player: httpx.AsyncClient, service: httpx.AsyncClient, adoption: dict[str, Any]
) -> None:
    first = (await player.post(URL, json=adoption, headers=KEY)).json()
    installation_id = first["installation"]["id"]
    rotated = (await player.post(f"{URL}/{installation_id}/credential")).json()
    repeat = await player.post(URL, json=adoption, headers=KEY)
    assert repeat.status_code == 409
    assert repeat.json()["type"] == "urn:cathouse:problem:credential_replaced"
    assert repeat.json()["installation_id"] == installation_id
    assert await works(service, rotated["credential"])
    assert not await works(service, first["credential"])


async def test_a_repeat_after_the_service_token_was_replaced_gets_no_invalid_credential(
    player: httpx.AsyncClient,
    settings: Settings,
    fake_services: FakeServices,
    adoption: dict[str, Any],
) -> None:
    first = (await player.post(URL, json=adoption, headers=KEY)).json()
    replaced = settings.model_copy(update={"service_token": SecretStr("x" * 32)})
    async with running(create_app(replaced, transport=fake_services.transport)) as client:
        repeat = await client.post(
            URL, json=adoption, headers={"Authorization": player.headers["authorization"]} | KEY
        )
    assert repeat.status_code == 409
    assert repeat.json()["installation_id"] == first["installation"]["id"]


async def test_a_repeat_while_the_service_token_is_replaced_gets_the_same_credential(
    player: httpx.AsyncClient,
    settings: Settings,
    fake_services: FakeServices,
    adoption: dict[str, Any],
) -> None:
    first = (await player.post(URL, json=adoption, headers=KEY)).json()
    both = SecretStr(f"{'x' * 32},{settings.service_token.get_secret_value()}")
    replacing = settings.model_copy(update={"service_token": both})
    async with running(create_app(replacing, transport=fake_services.transport)) as client:
        repeat = await client.post(
            URL, json=adoption, headers={"Authorization": player.headers["authorization"]} | KEY
        )
    assert repeat.status_code == 201
    assert repeat.json()["credential"] == first["credential"]


async def test_a_repeat_after_uninstalling_shows_the_status_and_adopts_nothing(
    player: httpx.AsyncClient, adoption: dict[str, Any], sql: Execute
) -> None:
    first = (await player.post(URL, json=adoption, headers=KEY)).json()["installation"]
    await player.delete(f"{URL}/{first['id']}")
    repeat = await player.post(URL, json=adoption, headers=KEY)
    assert repeat.status_code == 201
    assert repeat.json()["installation"] == first | {"status": "uninstalled"}
    assert len(await sql("select 1 from installation.installations")) == 1


async def test_an_overtaken_slow_repeat_adopts_nothing_although_the_cat_was_uninstalled(
    player: httpx.AsyncClient, adoption: dict[str, Any], fake_services: FakeServices, sql: Execute
) -> None:
    path = f"/api/v1/catalog/internal/cats/{adoption['cat_id']}"
    manifest = (await catalog_answer(fake_services, path)).json()
    overtaking: list[dict[str, Any]] = []

    async def overtaken(_request: httpx.Request) -> httpx.Response:
        fake_services.on("GET", path, httpx.Response(200, json=manifest))
        overtaking.append((await player.post(URL, json=adoption, headers=KEY)).json())
        await player.delete(f"{URL}/{overtaking[0]['installation']['id']}")
        return httpx.Response(200, json=manifest)

    fake_services.on("GET", path, overtaken)
    slow = await player.post(URL, json=adoption, headers=KEY)
    assert slow.status_code == 201
    assert slow.json()["installation"] == overtaking[0]["installation"] | {"status": "uninstalled"}
    assert slow.json()["credential"] == overtaking[0]["credential"]
    assert len(await sql("select 1 from installation.installations")) == 1


async def catalog_answer(fake_services: FakeServices, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=fake_services.transport) as client:
        return await client.get(f"http://catalog.test{path}")


async def test_a_key_is_kept_for_24_hours_and_can_be_used_again_after(
    player: httpx.AsyncClient, adoption: dict[str, Any], publish: Publish, sql: Execute
) -> None:
    first = (await player.post(URL, json=adoption, headers=KEY)).json()
    age = "update installation.idempotency_keys set created_at = now() - make_interval(mins => :m)"
    await sql(age, m=24 * 60 - 1)
    assert (await player.post(URL, json=adoption, headers=KEY)).json() == first
    await sql(age, m=24 * 60)
    other = {"cat_id": str(publish()), "granted_scopes": ["tasks:read"]}
    second = await player.post(URL, json=other, headers=KEY)
    assert second.status_code == 201
    assert (await player.post(URL, json=other, headers=KEY)).json() == second.json()
    assert len(await sql("select 1 from installation.idempotency_keys")) == 1


async def test_the_next_adoption_deletes_only_expired_keys(
    player: httpx.AsyncClient, publish: Publish, sql: Execute
) -> None:
    for name in ("old", "young"):
        body = {"cat_id": str(publish()), "granted_scopes": ["tasks:read"], "name": name}
        await player.post(URL, json=body, headers={"Idempotency-Key": name})
    await sql(
        "update installation.idempotency_keys k set created_at = now() - interval '25 hours' "
        "from installation.installations i where i.id = k.installation_id and i.name = 'old'"
    )
    body = {"cat_id": str(publish()), "granted_scopes": ["tasks:read"]}
    assert (await player.post(URL, json=body)).status_code == 201
    kept = await sql(
        "select i.name from installation.idempotency_keys k "
        "join installation.installations i on i.id = k.installation_id"
    )
    assert [row["name"] for row in kept] == ["young"]


async def test_an_adoption_does_not_wait_for_an_expired_key_that_another_transaction_holds(
    app: FastAPI, player: httpx.AsyncClient, adoption: dict[str, Any], publish: Publish
) -> None:
    await player.post(URL, json=adoption, headers=KEY)
    async with app.state.context.database.engine.begin() as connection:
        await connection.execute(
            text("update installation.idempotency_keys set created_at = now() - interval '2 days'")
        )
    async with app.state.context.database.engine.begin() as connection:
        await connection.execute(text("select 1 from installation.idempotency_keys for update"))
        body = {"cat_id": str(publish()), "granted_scopes": ["tasks:read"]}
        async with asyncio.timeout(3):
            assert (await player.post(URL, json=body)).status_code == 201


@pytest.mark.parametrize("key", [b"", b"k" * 256, b"two words", "naïve".encode(), b"tab\tbed"])
async def test_an_invalid_key_is_refused(
    player: httpx.AsyncClient, adoption: dict[str, Any], sql: Execute, key: bytes
) -> None:
    refused = await player.post(URL, json=adoption, headers={b"Idempotency-Key": key})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["loc"] == ["header", "Idempotency-Key"]
    assert await sql("select 1 from installation.installations") == []


async def test_neither_the_key_nor_the_credential_can_be_read_from_the_database(
    player: httpx.AsyncClient, adoption: dict[str, Any], sql: Execute
) -> None:
    credential = (await player.post(URL, json=adoption, headers=KEY)).json()["credential"]
    for table in ("installations", "idempotency_keys"):
        rows = await sql(f"select to_jsonb(t)::text as row from installation.{table} t")
        assert len(rows) == 1
        for secret in (credential, KEY["Idempotency-Key"]):
            assert secret not in rows[0]["row"]
            assert secret.encode().hex() not in rows[0]["row"]
