from collections.abc import AsyncIterator

import httpx
import pytest
from cathouse_catalog.main import create_app
from cathouse_catalog.settings import Settings
from cathouse_kit.testing import FakeServices, running
from cathouse_platform.platform import PLATFORM

from .support import ADOPTED, ADOPTIONS_PATH, CATS, Catalog, is_problem


@pytest.fixture
async def client(
    settings: Settings, fake_services: FakeServices
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that has not requested auth's keys yet."""
    async with running(create_app(settings, transport=fake_services.transport)) as client:
        yield client


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
    ],
)
async def test_a_token_cannot_be_verified_and_the_response_names_auth(
    catalog: Catalog, fake_services: FakeServices, answer: httpx.Response | Exception
) -> None:
    fake_services.on_undescribed("GET", PLATFORM.identity.keys_path, answer)
    response = await catalog.client.get(CATS, headers=catalog.player)
    assert is_problem(response, 503, "peer_unavailable")
    assert response.json()["peer"] == "auth"


async def test_requests_without_a_token_do_not_need_auth(
    catalog: Catalog, fake_services: FakeServices
) -> None:
    fake_services.on("GET", PLATFORM.identity.keys_path, httpx.ConnectError("refused"))
    assert (await catalog.client.get(CATS)).status_code == 200


async def test_known_keys_stay_valid(catalog: Catalog, fake_services: FakeServices) -> None:
    cat = await catalog.make()
    fake_services.on("GET", PLATFORM.identity.keys_path, httpx.ConnectError("refused"))
    fake_services.on("GET", ADOPTIONS_PATH, ADOPTED)
    assert (await catalog.review(cat, 5, catalog.player)).status_code == 201
