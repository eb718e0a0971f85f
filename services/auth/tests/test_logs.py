import logging
from collections.abc import Iterator

import httpx
import pytest
from cathouse_kit.testing import Execute, bearer
from cathouse_platform.platform import Role
from loguru import logger

from .conftest import Join, SignIn


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Every log line of any level, with its extra fields and its exception."""
    lines: list[str] = []

    class Standard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.getMessage()} {record.__dict__}")

    handler, level = Standard(), logging.root.level
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.DEBUG)
    sink = logger.add(
        lines.append,
        level=0,
        format="{message} {extra} {exception}",
        backtrace=False,
        diagnose=False,
    )
    yield lines
    logger.remove(sink)
    logging.root.removeHandler(handler)
    logging.root.setLevel(level)


async def test_no_password_no_token_and_no_email_is_logged(
    client: httpx.AsyncClient,
    join: Join,
    sign_in: SignIn,
    execute: Execute,
    logged: list[str],
) -> None:
    root, ada = await join("Root", Role.ADMIN), await join("Ada")
    grace = {
        "email": "grace@example.com",
        "password": "the secret of someone",
        "display_name": "Grace",
    }
    api = "/api/v1/auth"
    new = "a much better secret"
    secrets = [ada["email"], ada["password"], grace["email"], grace["password"], new]
    secrets += [person[f"{kind}_token"] for person in (root, ada) for kind in ("access", "refresh")]

    async def refresh(token: str) -> httpx.Response:
        return await client.post(f"{api}/refresh", json={"refresh_token": token})

    async def change(current: str, wanted: str) -> httpx.Response:
        return await client.post(
            f"{api}/me/password",
            headers=bearer(ada["access_token"]),
            json={"current_password": current, "new_password": wanted},
        )

    pair = (await refresh(ada["refresh_token"])).json()
    secrets += [pair["access_token"], pair["refresh_token"]]
    (row,) = await execute("select password_hash from people where id = :id", id=ada["id"])
    secrets.append(row["password_hash"])
    responses = [
        await client.post(f"{api}/register", json=grace),
        await client.post(f"{api}/register", json=grace),
        await client.post(f"{api}/register", json=grace | {"password": grace["email"]}),
        await client.post(f"{api}/register", json=grace | {"password": "brief"}),
        await sign_in(ada),
        await sign_in(ada, password=new),
        await refresh(ada["refresh_token"]),
        await client.get(f"{api}/me", headers=bearer(pair["access_token"] + "x")),
        await change(new, new),
        await change(ada["password"], new),
        await client.patch(
            f"{api}/users/{ada['id']}",
            headers=bearer(root["access_token"]),
            json={"is_active": False},
        ),
        await sign_in(ada, password=new),
        await client.post(f"{api}/logout", json={"refresh_token": root["refresh_token"]}),
    ]
    statuses = [response.status_code for response in responses]
    assert statuses == [201, 409, 422, 422, 200, 401, 401, 401, 403, 204, 200, 403, 204]

    everything = "\n".join(logged)
    assert len(logged) > len(responses)
    assert [secret for secret in secrets if secret in everything] == []


async def test_an_unexpected_failure_is_logged_without_what_the_caller_sent(
    client: httpx.AsyncClient, execute: Execute, logged: list[str]
) -> None:
    await execute("alter table people add constraint ck_people_test check (email not like 'ada%')")
    try:
        response = await client.post(
            "/api/v1/auth/register",
            json={
                "email": "ada@example.com",
                "password": "correct horse battery",
                "display_name": "Ada",
            },
        )
    finally:
        await execute("alter table people drop constraint ck_people_test")
    everything = "\n".join(logged)
    assert response.status_code == 500
    assert "ck_people_test" in everything
    assert "ck_people_test" not in response.text
    assert "correct horse battery" not in everything
    assert "ada@example.com" not in everything
    assert "$argon2" not in everything
