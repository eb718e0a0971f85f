import re
from collections.abc import AsyncIterator

import httpx
import pytest
from cathouse_kit.testing import running

from .conftest import MakeApp


@pytest.fixture
async def client(make_app: MakeApp) -> AsyncIterator[httpx.AsyncClient]:
    async with running(make_app()) as client:
        yield client


async def test_the_page_loads_nothing_from_elsewhere_and_what_it_loads_is_there(
    client: httpx.AsyncClient,
) -> None:
    page = (await client.get("/api/v1/docs")).text
    assert "://" not in page
    loaded = re.findall(r"(?:src|href)=\"([^\"]+)\"", page)
    assert len(loaded) == 3
    for path in loaded:
        asset = await client.get(path)
        assert asset.status_code == 200
        assert len(asset.content) > 500
    assert "'/api/v1/openapi.json'" in page


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("favicon-32x32.png", "image/png"),
    ],
)
async def test_assets_have_their_media_type(
    name: str, media_type: str, client: httpx.AsyncClient
) -> None:
    response = await client.get(f"/api/v1/docs/assets/{name}")
    assert response.headers["Content-Type"].partition(";")[0] == media_type


@pytest.mark.parametrize("name", ["nothing.js", "LICENSE", "..%2fdocs.py", "%2e%2e/docs.py"])
async def test_nothing_else_is_served_from_there(name: str, client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/api/v1/docs/assets/{name}")).status_code == 404


async def test_the_description_names_the_service_and_its_version(client: httpx.AsyncClient) -> None:
    description = (await client.get("/api/v1/openapi.json")).json()
    assert description["info"] == {
        "title": "Cat House sample",
        "summary": "A service for tests",
        "version": "1.2.3",
    }
    assert set(description["paths"]) == {
        "/api/v1/health", "/api/v1/health/ready", "/metrics",
        "/api/v1/sample/things", "/api/v1/sample/things/{thing_id}", "/api/v1/sample/upload",
        "/api/v1/sample/unexpected", "/api/v1/sample/tea", "/api/v1/sample/misfit",
        "/api/v1/sample/breaks-off", "/api/v1/sample/database",
    }  # fmt: skip
