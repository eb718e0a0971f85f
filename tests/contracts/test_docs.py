import re

import httpx
from cathouse_kit.registry import Service
from fastapi import FastAPI


async def test_the_docs_page_and_all_it_loads_come_from_the_service(
    client: httpx.AsyncClient,
) -> None:
    page = await client.get("/api/v1/docs")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) >= 2
    for path in [*loaded, "/api/v1/openapi.json"]:
        assert path.startswith("/"), f"{path} belongs to another service"
        assert (await client.get(path)).status_code == 200


async def test_the_description_is_complete(app: FastAPI, service: Service) -> None:
    """The description has all that a generator of clients needs: ids, tags, summaries, and one shape of errors."""
    description = app.openapi()
    assert description["info"]["version"]
    assert description["info"]["summary"] == service.description
    ids = []
    # A service may have two versions of the API.
    own = re.sub(r"^/api/v\d+/", r"/api/v\\d+/", service.prefix)
    for path, methods in description["paths"].items():
        assert re.match(rf"{own}(/|$)|/api/v1/health|/metrics$", path), path
        for method, operation in methods.items():
            where = f"{method} {path}"
            ids.append(operation["operationId"])
            assert operation.get("tags"), where
            assert operation.get("summary"), where
            for status, response in operation["responses"].items():
                if (
                    status.isdecimal()
                    and status >= "400"
                    and not path.endswith(("/ready", "/started"))
                ):
                    assert list(response["content"]) == ["application/problem+json"], where
    assert len(ids) == len(set(ids))
