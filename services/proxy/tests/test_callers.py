"""Callers: those who may call, and the responses to all others."""

from uuid import uuid4

import httpx
import pytest
from cathouse_kit.testing import FakeServices, Issuer, bearer
from cathouse_platform.platform import PLATFORM, Role
from cathouse_platform.testing import problem

from .support import VERIFY, FakePlatform, Rows, ScriptedCat


def kind_of(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    kind: str = response.json()["type"]
    return kind.removeprefix("urn:cathouse:problem:")


async def test_the_owner_may_call_with_an_access_token(
    client: httpx.AsyncClient, platform: FakePlatform, issuer: Issuer, cat: ScriptedCat
) -> None:
    response = await client.get(
        platform.path(), headers=issuer.headers(Role.PLAYER, platform.owner_id)
    )
    assert response.status_code == 200
    assert len(cat.requests) == 1


async def test_a_call_by_id_names_its_user_and_reading_the_audit_does_not(
    client: httpx.AsyncClient, platform: FakePlatform, issuer: Issuer, fake_services: FakeServices
) -> None:
    owner = issuer.headers(Role.PLAYER, platform.owner_id)
    stranger = uuid4()
    audit = f"/api/v1/proxy/audit?installation_id={platform.installation_id}"
    assert (await client.get(audit, headers=owner)).status_code == 200
    assert (await client.get(platform.path(), headers=owner)).status_code == 200
    refused = await client.get(platform.path(), headers=issuer.headers(Role.PLAYER, stranger))
    assert refused.status_code == 404
    assert (await client.get(platform.path())).status_code == 200
    asked = [dict(call.url.params) for call in fake_services.calls if call.url.path == VERIFY]
    # The last call had the credential, which always counts as use.
    assert asked == [{}, {"used_by": str(platform.owner_id)}, {"used_by": str(stranger)}, {}]


@pytest.mark.parametrize("role", list(Role))
async def test_other_users_get_404_for_the_installation(
    role: Role,
    client: httpx.AsyncClient,
    platform: FakePlatform,
    issuer: Issuer,
    cat: ScriptedCat,
    rows: Rows,
) -> None:
    stranger = uuid4()
    response = await client.get(platform.path(), headers=issuer.headers(role, stranger))
    assert (response.status_code, kind_of(response)) == (404, "installation_not_found")
    assert cat.requests == []
    assert await rows() == []


async def test_a_credential_is_refused_for_other_installations(
    client: httpx.AsyncClient, platform: FakePlatform, rows: Rows
) -> None:
    other = uuid4()
    response = await client.get(f"/api/v1/proxy/{other}/tasks")
    assert (response.status_code, kind_of(response)) == (404, "installation_not_found")
    assert await rows() == []


@pytest.mark.parametrize(
    "name", ["no-id", "01a20773", "{01a20773-16a8-738d-8ac7-04ebf8a46c31}", "audits", "%00"]
)
async def test_an_invalid_id_is_not_found(
    name: str, client: httpx.AsyncClient, issuer: Issuer, platform: FakePlatform, rows: Rows
) -> None:
    for headers in (issuer.headers(Role.PLAYER, platform.owner_id), platform.headers):
        response = await client.get(f"/api/v1/proxy/{name}/tasks", headers=headers)
        assert (response.status_code, kind_of(response)) == (404, "installation_not_found")
    assert await rows() == []


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic Y2F0OmNhdA==",
        "Bearer",
        "Bearer two words",
        "Bearer a,b",
        "Bearer " + "a" * 5000,
        "Bearer " + "a" * 300,
        "Bearer unknown",
        "Bearer a.b.c",
    ],
)
async def test_calls_without_a_valid_token_are_refused(
    authorization: str,
    client: httpx.AsyncClient,
    platform: FakePlatform,
    fake_services: FakeServices,
    cat: ScriptedCat,
    rows: Rows,
) -> None:
    response = await client.get(platform.path(), headers={"Authorization": authorization})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert cat.requests == []
    assert await rows() == []
    # For a text that cannot be a credential, installation is not even called.
    asked = [request for request in fake_services.calls if request.url.path == VERIFY]
    assert bool(asked) == (authorization == "Bearer unknown")


async def test_a_token_that_has_expired_or_is_of_another_key_is_refused(
    client: httpx.AsyncClient, platform: FakePlatform, issuer: Issuer
) -> None:
    expired = issuer.token(Role.PLAYER, platform.owner_id, expires_in=-60)
    forged = Issuer(PLATFORM).token(Role.PLAYER, platform.owner_id)
    for token in (expired, forged):
        response = await client.get(platform.path(), headers=bearer(token))
        assert (response.status_code, kind_of(response)) == (401, "unauthenticated")


async def test_two_authorization_headers_are_refused(
    client: httpx.AsyncClient, platform: FakePlatform
) -> None:
    response = await client.get(
        platform.path(),
        headers=[("Authorization", "Bearer x"), ("Authorization", f"Bearer {platform.credential}")],
    )
    assert response.status_code == 401


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ("paused", "installation_paused"),
        ("uninstalled", "installation_uninstalled"),
        ("something new", "installation_uninstalled"),
    ],
)
async def test_only_an_active_installation_may_call(
    status: str,
    problem: str,
    client: httpx.AsyncClient,
    platform: FakePlatform,
    cat: ScriptedCat,
    rows: Rows,
) -> None:
    platform.status = status
    if status == "something new":
        platform.fake_services.on_undescribed("POST", VERIFY, platform.verify)
    response = await client.get(platform.path())
    assert (response.status_code, kind_of(response)) == (403, problem)
    assert cat.requests == []
    [row] = await rows()
    assert (row["user_id"], row["cat_id"]) == (platform.owner_id, platform.cat_id)


@pytest.mark.parametrize("status", ["draft", "submitted", "rejected", "suspended", "gone"])
async def test_only_a_published_cat_is_called(
    status: str,
    client: httpx.AsyncClient,
    platform: FakePlatform,
    fake_services: FakeServices,
    cat: ScriptedCat,
) -> None:
    platform.cat_status = status
    if status == "gone":
        path = f"/api/v1/catalog/internal/cats/{platform.cat_id}"
        fake_services.on("GET", path, problem(404, "cat_not_found"))
    response = await client.get(platform.path())
    assert (response.status_code, kind_of(response)) == (403, "cat_suspended")
    assert cat.requests == []


async def test_a_missing_scope_is_named(
    client: httpx.AsyncClient, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    response = await client.post(platform.path("tasks/7/share"))
    problem = response.json()
    assert (response.status_code, kind_of(response)) == (403, "scope_missing")
    assert problem["scope"] == "tasks:share"
    assert "POST /tasks/7/share needs the scope tasks:share" in problem["detail"]
    assert cat.requests == []
    [row] = await rows()
    assert (row["scope"], row["path"]) == ("tasks:share", "/tasks/7/share")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "cats"), ("DELETE", "tasks"), ("GET", ""), ("GET", "tasks/"), ("GET", "Tasks")],
)
async def test_a_call_that_no_scope_allows_is_refused(
    method: str, path: str, client: httpx.AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    response = await client.request(method, platform.path(path))
    assert (response.status_code, kind_of(response)) == (403, "scope_missing")
    assert response.json()["scope"] is None
    assert response.json()["detail"] == (
        f"No scope of this cat allows {method} /{path}. Check the method and the path."
    )
    assert cat.requests == []


async def test_a_granted_scope_that_is_not_declared_allows_nothing(
    client: httpx.AsyncClient, platform: FakePlatform
) -> None:
    platform.granted_scopes = ["tasks:share", "everything"]
    platform.scopes = [scope for scope in platform.scopes if scope["name"] != "tasks:share"]
    response = await client.post(platform.path("tasks/7/share"))
    assert (response.status_code, response.json()["scope"]) == (403, None)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "BREW"])
async def test_other_methods_are_not_forwarded(
    method: str, client: httpx.AsyncClient, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    response = await client.request(method, platform.path())
    assert response.status_code == 405
    assert cat.requests == []
    assert await rows() == []
