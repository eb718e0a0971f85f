"""Fakes of services respond only as the API descriptions of these services allow."""

from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from cathouse_kit.testing import Answer, Descriptions, FakeServices
from cathouse_platform.platform import PLATFORM
from cathouse_platform.testing import cat_body, problem, scope_body

ROOT = Path(__file__).parents[2]
CAT = "/api/v1/catalog/internal/cats/0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4e"
VERIFY = "/api/v1/installations/internal/verify"
ADOPTIONS = "/api/v1/installations/internal/adoptions"
SCOPE = scope_body("tasks:read", {"methods": ["GET"], "path": "/tasks"})

WRONG: dict[str, tuple[str, str, httpx.Response, str]] = {
    "a path": (
        "GET",
        "/api/v1/catalog/internal/dogs/7",
        problem(404, "no"),
        "no service describes",
    ),
    "a method": ("DELETE", CAT, httpx.Response(204), "no service describes"),
    "a status": ("GET", CAT, problem(409, "taken"), "the status 409 is not described"),
    "a problem": ("GET", CAT, problem(404, "gone"), "is the problem gone and not cat_not_found"),
    "no problem": ("GET", CAT, httpx.Response(404, json={}), "is application/json and not"),
    "no body": ("GET", CAT, httpx.Response(200), "is empty and not application/json"),
    "no JSON": (
        *("GET", CAT),
        httpx.Response(200, headers={"Content-Type": "application/json"}, content=b"{"),
        "is not JSON",
    ),
    "a missing field": (
        *("GET", CAT),
        httpx.Response(200, json={"id": str(uuid4())}),
        "'scopes' is a required property",
    ),
    "a field of a field": (
        *("GET", CAT),
        httpx.Response(200, json=cat_body(scopes=[SCOPE | {"routes": "all"}])),
        "at $.scopes[0].routes",
    ),
    "an id": ("GET", CAT, httpx.Response(200, json=cat_body(id="7")), "'7' is not a 'uuid'"),
    "a query": (
        *("GET", f"{ADOPTIONS}?user={uuid4()}"),
        httpx.Response(200, json={"adopted": True}),
        "there is no query parameter user",
    ),
    "a missing query": (
        *("GET", ADOPTIONS),
        httpx.Response(200, json={"adopted": True}),
        "the query parameter user_id is missing",
    ),
    "a request": (
        *("POST", VERIFY),
        problem(404, "unknown_installation"),
        "the request's body is empty",
    ),
}


async def call(fake_services: FakeServices, method: str, target: str, answer: Answer) -> None:
    fake_services.on(method, target.partition("?")[0], answer)
    async with httpx.AsyncClient(transport=fake_services.transport) as client:
        await client.request(method, f"http://service.test{target}")


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_fake_that_differs_from_the_description_fails_the_test(wrong: str) -> None:
    method, target, response, why = WRONG[wrong]
    descriptions = Descriptions(ROOT / "docs/openapi")
    with pytest.raises(AssertionError, match="a fake differs") as error:
        await call(FakeServices(PLATFORM, descriptions), method, target, response)
    assert why in str(error.value)
    # For services that hide the exception, as in a background task.
    [violation] = descriptions.violations
    assert why in violation


async def test_a_fake_as_described_passes(fake_services: FakeServices) -> None:
    await call(fake_services, "GET", CAT, httpx.Response(200, json=cat_body(scopes=[SCOPE])))
    await call(fake_services, "GET", CAT, problem(404, "cat_not_found"))
    adopted = httpx.Response(200, json={"adopted": False})
    await call(fake_services, "GET", f"{ADOPTIONS}?user_id={uuid4()}&cat_id={uuid4()}", adopted)


async def test_a_failing_service_may_differ(
    fake_services: FakeServices, descriptions: Descriptions
) -> None:
    fake_services.on_undescribed("GET", CAT, httpx.Response(200, text="<html>"))
    async with httpx.AsyncClient(transport=fake_services.transport) as client:
        assert (await client.get(f"http://service.test{CAT}")).text == "<html>"
    with pytest.raises(AssertionError):
        await call(fake_services, "GET", CAT, httpx.Response(200, text="<html>"))
    descriptions.violations.clear()
