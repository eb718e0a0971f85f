from typing import Any

import httpx
import pytest
from cathouse_auth.main import create_app
from cathouse_auth.services.passwords import Passwords
from cathouse_auth.settings import Settings
from cathouse_kit.testing import DatabasePath, Execute, bearer, running
from pydantic import SecretStr

from .conftest import Join

ME = "/api/v1/auth/me"


async def test_me_is_the_person_as_they_are_now(
    client: httpx.AsyncClient, join: Join, execute: Execute
) -> None:
    ada = await join("Ada")
    await execute("update people set role = 'developer'")
    response = await client.get(ME, headers=bearer(ada["access_token"]))
    assert response.status_code == 200
    assert response.json()["role"] == "developer"
    assert response.json()["email"] == "ada@example.com"


async def test_me_is_one_round_trip_to_the_database(
    join: Join, settings: Settings, passwords: Passwords
) -> None:
    ada = await join("Ada")
    headers = bearer(ada["access_token"])
    async with DatabasePath(settings.database_url.get_secret_value()).open() as path:
        far = settings.model_copy(update={"database_url": SecretStr(path.url)})
        async with running(create_app(far, passwords=passwords)) as client:
            for _ in ("prepares the statement", "is counted"):
                path.round_trips = 0
                assert (await client.get(ME, headers=headers)).status_code == 200
            assert path.round_trips == 1


async def test_a_person_can_change_their_display_name(
    client: httpx.AsyncClient, join: Join
) -> None:
    ada = await join("Ada")
    headers = bearer(ada["access_token"])
    before = (await client.get(ME, headers=headers)).json()
    changed = await client.patch(ME, headers=headers, json={"display_name": " Countess Ada "})
    after = (await client.get(ME, headers=headers)).json()
    assert changed.status_code == 200
    assert changed.json() == after
    assert after["display_name"] == "Countess Ada"
    assert after["updated_at"] > before["updated_at"]
    assert after["created_at"] == before["created_at"]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"display_name": ""},
        {"display_name": None},
        {"display_name": "a" * 81},
        {"display_name": "a\0b"},
        {"display_name": "Ada", "role": "admin"},
        {"display_name": "Ada", "email": "eve@example.com"},
        {"display_name": "Ada", "is_active": True},
    ],
)
async def test_nothing_else_of_a_profile_may_be_changed(
    client: httpx.AsyncClient, join: Join, change: dict[str, Any]
) -> None:
    ada = await join("Ada")
    headers = bearer(ada["access_token"])
    before = (await client.get(ME, headers=headers)).json()
    assert (await client.patch(ME, headers=headers, json=change)).status_code == 422
    assert (await client.get(ME, headers=headers)).json() == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", ME, None),
        ("PATCH", ME, {"display_name": "Ada"}),
        (
            "POST",
            f"{ME}/password",
            {"current_password": "the secret of Ada", "new_password": "another secret of Ada"},
        ),
        ("GET", "/api/v1/auth/users", None),
        ("PATCH", "/api/v1/auth/users/01980000-0000-7000-8000-000000000000", {"role": "player"}),
    ],
)
async def test_disabled_and_deleted_people_are_refused_at_once(
    client: httpx.AsyncClient,
    join: Join,
    execute: Execute,
    method: str,
    path: str,
    body: dict[str, str] | None,
) -> None:
    headers = bearer((await join("Ada"))["access_token"])
    await execute("update people set is_active = false, role = 'admin'")
    disabled = await client.request(method, path, headers=headers, json=body)
    await execute("delete from people")
    gone = await client.request(method, path, headers=headers, json=body)
    nobody = await client.request(method, path, json=body)
    assert disabled.status_code == 403
    assert disabled.json()["type"] == "urn:cathouse:problem:account_disabled"
    assert (gone.status_code, nobody.status_code) == (401, 401)
    assert gone.headers["www-authenticate"] == "Bearer"
