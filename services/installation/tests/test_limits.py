"""Limits of one player, and the route that says who has adopted a cat."""

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest
from cathouse_installation.main import create_app
from cathouse_installation.settings import Settings
from cathouse_kit.testing import Execute, FakeServices
from fastapi import FastAPI

from .conftest import Adopt, Publish

URL = "/api/v1/installations"
ADOPTIONS = f"{URL}/internal/adoptions"


class TestQuotas:
    @pytest.fixture
    def app(self, settings: Settings, fake_services: FakeServices) -> FastAPI:
        limits = {"max_installations_per_player": 2, "max_adoptions_per_player_a_day": 4}
        return create_app(settings.model_copy(update=limits), transport=fake_services.transport)

    @staticmethod
    async def adopt(player: httpx.AsyncClient, cat_id: UUID, **headers: str) -> httpx.Response:
        body = {"cat_id": str(cat_id), "granted_scopes": ["tasks:read"]}
        return await player.post(URL, json=body, headers=headers)

    async def test_the_limit_of_installations_holds_for_concurrent_adoptions(
        self, player: httpx.AsyncClient, stranger: httpx.AsyncClient, publish: Publish, sql: Execute
    ) -> None:
        cats = [publish() for _ in range(6)]
        answers = await asyncio.gather(*(self.adopt(player, cat) for cat in cats))
        assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 4
        refused = next(answer.json() for answer in answers if answer.status_code == 409)
        assert refused["type"] == "urn:cathouse:problem:quota_reached"
        assert (refused["quota"], refused["limit"]) == ("installations", 2)
        assert len(await sql("select 1 from installation.installations")) == 2
        assert (await self.adopt(stranger, cats[0])).status_code == 201

    async def test_an_uninstalled_installation_counts_only_for_the_daily_limit(
        self, player: httpx.AsyncClient, publish: Publish, sql: Execute
    ) -> None:
        cat = publish()
        for number in range(4):
            answer = await self.adopt(player, cat, **{"Idempotency-Key": f"key-{number}"})
            assert answer.status_code == 201
            await player.delete(f"{URL}/{answer.json()['installation']['id']}")
        refused = await self.adopt(player, cat, **{"Idempotency-Key": "key-5"})
        assert (refused.status_code, refused.json()["limit"]) == (429, 4)
        assert refused.json()["type"] == "urn:cathouse:problem:too_many_adoptions"
        assert 86_000 < int(refused.headers["Retry-After"]) <= 86_400
        assert len(await sql("select 1 from installation.idempotency_keys")) == 4
        await sql(
            "update installation.installations set installed_at = now() - interval '25 hours' returning 1"
        )
        assert (await self.adopt(player, cat)).status_code == 201

    async def test_a_repeat_succeeds_at_the_limit(
        self, player: httpx.AsyncClient, publish: Publish
    ) -> None:
        cat = publish()
        first = await self.adopt(player, cat, **{"Idempotency-Key": "same"})
        assert (await self.adopt(player, publish())).status_code == 201
        again = await self.adopt(player, cat, **{"Idempotency-Key": "same"})
        assert (again.status_code, again.json()) == (201, first.json())


@pytest.mark.parametrize("path", [None, "pause", "uninstall"])
async def test_a_past_adoption_counts_as_adopted(
    service: httpx.AsyncClient, player: httpx.AsyncClient, adopt: Adopt, path: str | None
) -> None:
    installation = (await adopt())["installation"]
    own = f"{URL}/{installation['id']}"
    if path == "uninstall":
        await player.delete(own)
    elif path:
        await player.post(f"{own}/{path}")
    asked = {"user_id": installation["user_id"], "cat_id": installation["cat_id"]}
    for params, adopted in (
        (asked, True),
        (asked | {"cat_id": str(uuid4())}, False),
        (asked | {"user_id": str(uuid4())}, False),
        ({"user_id": asked["cat_id"], "cat_id": asked["user_id"]}, False),
    ):
        answer = await service.get(ADOPTIONS, params=params)
        assert (answer.status_code, answer.json()) == (200, {"adopted": adopted})


async def test_a_request_without_both_ids_is_refused(service: httpx.AsyncClient) -> None:
    for params in ({}, {"user_id": str(uuid4())}, {"user_id": "x", "cat_id": "\0"}):
        assert (await service.get(ADOPTIONS, params=params)).status_code == 422
