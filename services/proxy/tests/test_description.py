"""The API description of the proxy, and its own routes next to the paths of proxied calls."""

from fastapi import FastAPI
from httpx import AsyncClient

from .support import FakePlatform

CALLS = "/api/v1/proxy/{installation_id}/{path}"


def test_every_method_has_a_separate_operation(app: FastAPI) -> None:
    description = app.openapi()
    operations = description["paths"][CALLS]
    assert {method: operation["operationId"] for method, operation in operations.items()} == {
        method: f"call_cat_{method}"
        for method in ("get", "head", "post", "put", "patch", "delete", "options")
    }
    for method, operation in operations.items():
        assert {"accessToken": []} in operation["security"]
        assert {"installationCredential": []} in operation["security"]
        assert set(operation["responses"]) >= {
            *("200", "default", "400", "401", "403", "404", "408", "413", "414", "429", "431"),
            *("500", "502", "503", "504"),
        }
        assert ("requestBody" in operation) == (method in ("post", "put", "patch", "delete"))
        assert [parameter["name"] for parameter in operation["parameters"]] == [
            "installation_id",
            "path",
        ]


def test_operation_ids_are_unique(app: FastAPI) -> None:
    ids = [
        operation["operationId"]
        for path in app.openapi()["paths"].values()
        for operation in path.values()
    ]
    assert len(ids) == len(set(ids))


async def test_the_proxys_own_routes_are_not_taken_for_installations(
    client: AsyncClient, platform: FakePlatform
) -> None:
    assert (await client.get("/api/v1/proxy/jwks")).status_code == 200
    assert (await client.get("/api/v1/proxy/audit")).status_code == 401
    assert (await client.get("/api/v1/health")).status_code == 200
    # There are no routes below them.
    assert (await client.get("/api/v1/proxy/audit/x")).status_code == 404


async def test_metrics_have_the_template_and_not_the_path(
    client: AsyncClient, platform: FakePlatform
) -> None:
    await client.get(platform.path("tasks?x=secret"))
    await client.get(platform.path("secret"))
    metrics = (await client.get("/metrics")).text
    route = '{method="GET",route="/api/v1/proxy/{installation_id}/{path}",status="%s"} 1.0'
    for status in (200, 403):
        assert f"http_requests_total{route % status}" in metrics
    assert "secret" not in metrics
    assert str(platform.installation_id) not in metrics
