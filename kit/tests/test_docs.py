import re
from collections.abc import AsyncIterator

import httpx
import pytest
from cathouse_kit.platform import IDENTITY_NAME, PROBLEM_PREFIX
from cathouse_kit.testing import running

from .conftest import MakeApp


@pytest.fixture
async def client(make_app: MakeApp) -> AsyncIterator[httpx.AsyncClient]:
    async with running(make_app()) as client:
        yield client


async def test_the_page_loads_only_assets_of_the_service_and_these_exist(
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


@pytest.mark.parametrize("name", ["swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"])
async def test_an_unchanged_asset_is_not_sent_again(name: str, client: httpx.AsyncClient) -> None:
    path = f"/api/v1/docs/assets/{name}"
    first = await client.get(path)
    etag = first.headers["ETag"]
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        for method in ("GET", "HEAD"):
            again = await client.request(method, path, headers={"If-None-Match": condition})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["ETag"] == etag
            assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    for condition in ('"other"', "", etag.strip('"')):
        again = await client.get(path, headers={"If-None-Match": condition})
        assert (again.status_code, again.content) == (200, first.content)


@pytest.mark.parametrize(
    "value",
    ["bytes=0-3", "bytes=abc", "bytes=9-1", "bytes=99999999999-", "cats=1-2", "", "é", "bytes=-"],
)
async def test_a_range_is_ignored_as_a_server_may(value: str, client: httpx.AsyncClient) -> None:
    path = "/api/v1/docs/assets/swagger-ui.css"
    response = await client.get(path, headers={b"Range": value.encode()})
    assert response.status_code == 200
    assert response.content == (await client.get(path)).content
    assert response.headers["Accept-Ranges"] == "none"


@pytest.mark.parametrize("name", ["nothing.js", "LICENSE", "..%2fdocs.py", "%2e%2e/docs.py"])
async def test_other_files_are_not_served(name: str, client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/api/v1/docs/assets/{name}")).status_code == 404


async def test_the_description_names_the_service_and_its_version(client: httpx.AsyncClient) -> None:
    description = (await client.get("/api/v1/openapi.json")).json()
    assert description["info"] == {
        "title": "Paper Mill sample",
        "summary": "A service for tests",
        "version": "1.2.3",
    }
    assert set(description["paths"]) == {
        "/api/v1/health", "/api/v1/health/ready", "/api/v1/health/started", "/metrics",
        "/api/v1/sample/things", "/api/v1/sample/things/{thing_id}", "/api/v1/sample/upload",
        "/api/v1/sample/unexpected", "/api/v1/sample/tea", "/api/v1/sample/misfit",
        "/api/v1/sample/breaks-off", "/api/v1/sample/database",
    }  # fmt: skip


async def test_the_description_has_the_platforms_names(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/openapi.json")
    assert IDENTITY_NAME not in response.text
    assert PROBLEM_PREFIX not in response.text
    problem = response.json()["components"]["schemas"]["Problem"]["properties"]
    assert problem["type"]["examples"] == ["urn:paper:problem:not_found"]
    assert problem["instance"]["examples"] == ["/api/v1/people/me"]
    failed = response.json()["paths"]["/metrics"]["get"]["responses"]["500"]["content"]
    example = failed["application/problem+json"]["examples"]["internal_error"]["value"]
    assert example["type"] == "urn:paper:problem:internal_error"
