"""An app of auth with its database, and people who have an account there."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from cathouse_auth.main import create_app
from cathouse_auth.services import accounts
from cathouse_auth.services.passwords import Passwords
from cathouse_auth.settings import Settings
from cathouse_kit.database import Database
from cathouse_kit.testing import Execute, execute_with, running
from cathouse_platform.platform import Role
from fastapi import FastAPI
from limits import RateLimitItemPerSecond
from pydantic import SecretStr

SignIn = Callable[..., Awaitable[httpx.Response]]
Join = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def settings(database_urls: dict[str, str], service_token: str) -> Settings:
    """Settings with rate limits that no test reaches by accident."""
    unlimited = RateLimitItemPerSecond(10_000)
    return Settings(
        _env_file=None,
        database_url=database_urls["auth"],
        service_token=service_token,
        login_limit_by_address=unlimited,
        login_limit_by_account=unlimited,
        login_daily_limit_by_account=unlimited,
        register_limit_by_address=unlimited,
        register_limit_by_account=unlimited,
    )


@pytest.fixture(scope="session")
def passwords() -> Passwords:
    """The same algorithm, with low costs to save time."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1), most_waiting=1000)


@pytest.fixture
def app(settings: Settings, passwords: Passwords) -> FastAPI:
    return create_app(settings, passwords=passwords)


@pytest.fixture
async def client(app: FastAPI, emptied: None) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


@pytest.fixture
async def execute(
    database_urls: dict[str, str], client: httpx.AsyncClient
) -> AsyncIterator[Execute]:
    """Run one SQL statement as the owner of auth's tables, commit, and return the rows."""
    owner = Database(SecretStr(database_urls["auth_owner"]), pool_size=1, application_name="test")
    yield execute_with(owner.engine)
    await owner.close()


@pytest.fixture
def sign_in(client: httpx.AsyncClient) -> SignIn:
    """Call `/login` for a person that `join` returned. `changes` replace fields of the form."""

    async def sign_in(person: dict[str, Any], **changes: str) -> httpx.Response:
        form = {"username": person["email"], "password": person["password"]} | changes
        return await client.post("/api/v1/auth/login", data=form)

    return sign_in


@pytest.fixture
def join(app: FastAPI, sign_in: SignIn, passwords: Passwords) -> Join:
    """Create an account as `/register` or `create-admin` do, and sign in.

    Return the fields of `/register`, and `password`, `access_token` and `refresh_token`.
    """

    async def join(name: str, role: Role = Role.PLAYER) -> dict[str, Any]:
        email, password = f"{name.lower()}@example.com", f"the secret of {name[:3]}"
        async with app.state.context.database.sessions.begin() as session:
            person = await accounts.register(
                session, passwords, email=email, password=password, display_name=name, role=role
            )
        known = {"id": str(person.id), "email": email, "display_name": name, "role": str(role)}
        response = await sign_in(known | {"password": password})
        assert response.status_code == 200, response.text
        tokens = response.json()
        return (
            known
            | {"password": password}
            | {key: tokens[key] for key in ("access_token", "refresh_token")}
        )

    return join
