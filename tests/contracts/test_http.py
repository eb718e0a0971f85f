"""Every service treats HTTP in the same way: HEAD, redirects, and the headers of responses."""

import re
from uuid import uuid4

import httpx
import pytest
from cathouse_kit.testing import FakeServices, Issuer, bearer
from fastapi import FastAPI

SECURITY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
}


def paths_of(app: FastAPI, method: str) -> list[str]:
    return [
        re.sub(r"{\w+}", str(uuid4()), path)
        for path, operations in app.openapi()["paths"].items()
        if method in operations and "{path}" not in path
    ]


UNDESCRIBED = [
    "/health", "/health/ready", "/api/v1/openapi.json", "/api/v1/docs", "/api/v1/docs/assets/swagger-ui.css",
]  # fmt: skip


async def test_head_is_get_without_the_body(app: FastAPI, client: httpx.AsyncClient) -> None:
    for path in [*paths_of(app, "get"), *UNDESCRIBED]:
        get, head = await client.get(path), await client.head(path)
        assert head.status_code == get.status_code, path
        assert head.content == b"", path
        same = set(get.headers) - {"x-request-id", "content-length"}
        for name in same:
            if not name.startswith("ratelimit"):
                assert head.headers[name] == get.headers[name], (path, name)
        assert "content-length" in head.headers, path


async def test_head_is_no_operation_of_its_own(app: FastAPI) -> None:
    for path, operations in app.openapi()["paths"].items():
        if "{path}" not in path:
            assert "head" not in operations, path


async def test_head_of_a_route_without_get_is_refused_like_get(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    with_get = set(paths_of(app, "get"))
    for path in set(paths_of(app, "post")) - with_get:
        response = await client.head(path)
        if response.status_code == 405:
            assert "HEAD" not in response.headers["allow"], path


async def test_a_slash_too_many_or_too_few_is_not_found_and_leads_nowhere(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    for path in [*paths_of(app, "get"), *UNDESCRIBED]:
        response = await client.get(f"{path}/", headers={"Host": "evil.example"})
        # The path of a proxied call has no second form. It is refused because it has no credential.
        assert response.status_code == (401 if path.startswith("/api/v1/proxy/") else 404), path
        assert "location" not in response.headers
        assert response.headers["content-type"] == "application/problem+json"
        assert "evil.example" not in response.text


async def test_all_responses_have_the_headers_that_browsers_obey(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    paths = [*paths_of(app, "get"), "/nowhere", "/health", "/api/v1/openapi.json"]
    for response in [
        *[await client.get(path) for path in paths],
        await client.put("/health"),
        await client.post("/nowhere", content=b"a" * (2 * 1024 * 1024)),
    ]:
        assert SECURITY.items() <= dict(response.headers).items(), response.url


async def test_the_docs_page_loads_only_its_own_files_and_cannot_be_framed(
    client: httpx.AsyncClient,
) -> None:
    policy = (await client.get("/api/v1/docs")).headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert re.search(r"script-src 'self' 'sha256-[A-Za-z0-9+/]{43}='", policy)
    assert "'unsafe-inline'" not in policy.replace("style-src 'self' 'unsafe-inline'", "")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_responses_to_a_caller_are_not_stored(
    method: str,
    app: FastAPI,
    client: httpx.AsyncClient,
    issuer: Issuer,
    fake_services: FakeServices,
) -> None:
    fake_services.on("GET", "/api/v1/auth/jwks", httpx.Response(200, json=issuer.jwks()))
    for path in paths_of(app, method.lower()):
        response = await client.request(method, path, headers=bearer(issuer.token()))
        cached = response.headers["cache-control"]
        assert cached == "no-store" or path.endswith("/jwks"), path


async def test_probes_are_not_stored(client: httpx.AsyncClient) -> None:
    for path in ("/health", "/health/ready", "/metrics"):
        assert (await client.get(path)).headers["cache-control"] == "no-store"


async def test_public_keys_may_be_stored(app: FastAPI, client: httpx.AsyncClient) -> None:
    for path in paths_of(app, "get"):
        if path.endswith("/jwks"):
            assert "no-store" not in (await client.get(path)).headers["cache-control"]
