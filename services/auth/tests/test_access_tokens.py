import asyncio
import base64
import hashlib
import hmac
import time
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import orjson
import pytest
from cathouse_auth.main import create_app
from cathouse_auth.models import SigningKey
from cathouse_auth.services.passwords import Passwords
from cathouse_auth.settings import Settings
from cathouse_kit.database import DatabaseUnavailable
from cathouse_kit.signing_keys import rotate_signing_key
from cathouse_kit.testing import Execute, Issuer, bearer, running
from cathouse_platform.platform import PLATFORM
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from sqlalchemy import event

from .conftest import Join

ME = "/api/v1/auth/me"
JWKS = "/api/v1/auth/jwks"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{base64url(orjson.dumps(header))}.{base64url(orjson.dumps(claims))}"


async def kids(client: httpx.AsyncClient) -> list[str]:
    return [key["kid"] for key in (await client.get(JWKS)).json()["keys"]]


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def kid_of(token: str) -> str:
    kid: str = jwt.get_unverified_header(token)["kid"]
    return kid


@pytest.fixture
async def key(execute: Execute, client: httpx.AsyncClient) -> tuple[str, Ed25519PrivateKey]:
    """The id and the private key that auth signs with."""
    await client.get(JWKS)
    (row,) = await execute("select kid, private_key from signing_keys")
    return row["kid"], Ed25519PrivateKey.from_private_bytes(row["private_key"])


async def test_an_access_token_has_these_claims_and_no_others(
    client: httpx.AsyncClient, join: Join
) -> None:
    ada = await join("Ada")
    claims = claims_of(ada["access_token"])
    assert set(claims) == {"iss", "aud", "sub", "role", "jti", "iat", "exp"}
    assert (claims["iss"], claims["aud"]) == ("cathouse-auth", "cathouse")
    assert (claims["sub"], claims["role"]) == (ada["id"], "player")
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert abs(claims["iat"] - time.time()) < 30
    assert UUID(claims["jti"])


async def test_an_access_token_is_signed_with_a_published_key(
    client: httpx.AsyncClient, join: Join
) -> None:
    ada = await join("Ada")
    header = jwt.get_unverified_header(ada["access_token"])
    response = await client.get(JWKS)
    (jwk,) = response.json()["keys"]
    assert header == {"alg": "EdDSA", "typ": "JWT", "kid": jwk["kid"]}
    assert set(jwk) == {"kty", "crv", "x", "kid", "use", "alg"}
    assert (jwk["kty"], jwk["crv"], jwk["use"], jwk["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
    assert response.headers["cache-control"] == "public, max-age=60"
    jwt.decode(
        ada["access_token"], jwt.PyJWK(jwk), audience="cathouse", issuer="cathouse-auth"
    )  # raises where the signature is not this key's


async def test_no_two_tokens_have_one_id(client: httpx.AsyncClient, join: Join) -> None:
    ada = await join("Ada")
    body = {"refresh_token": ada["refresh_token"]}
    again = (await client.post("/api/v1/auth/refresh", json=body)).json()["access_token"]
    assert claims_of(again)["jti"] != claims_of(ada["access_token"])["jti"]


async def test_a_token_of_another_key_is_refused(client: httpx.AsyncClient, join: Join) -> None:
    ada = await join("Ada")
    stranger = Issuer(PLATFORM)
    unknown = stranger.token("admin", UUID(ada["id"]))
    stranger.kid = kid_of(ada["access_token"])
    borrowed = stranger.token("admin", UUID(ada["id"]))
    for token in (unknown, borrowed):
        assert (await client.get(ME, headers=bearer(token))).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"exp": 1},
        {"iat": 4102444800, "exp": 4102445700},
        {"iss": "cathouse"},
        {"aud": "other"},
        {"role": "owner"},
        {"sub": "ada"},
        {"jti": "not a uuid"},
        {"exp": None},
        {"iss": None},
        {"aud": None},
        {"sub": None},
        {"role": None},
        {"jti": None},
        {"iat": None},
    ],
    ids=str,
)
async def test_a_token_with_other_claims_is_refused_though_our_key_signed_it(
    client: httpx.AsyncClient,
    join: Join,
    key: tuple[str, Ed25519PrivateKey],
    change: dict[str, Any],
) -> None:
    kid, private_key = key
    claims = claims_of((await join("Ada"))["access_token"])
    for_all_of_them = jwt.encode(claims, private_key, "EdDSA", {"kid": kid})
    assert (await client.get(ME, headers=bearer(for_all_of_them))).status_code == 200
    changed = {name: value for name, value in (claims | change).items() if value is not None}
    token = jwt.encode(changed, private_key, "EdDSA", {"kid": kid})
    response = await client.get(ME, headers=bearer(token))
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_token_that_nobody_signed_is_refused(client: httpx.AsyncClient, join: Join) -> None:
    ada = await join("Ada")
    claims, kid = claims_of(ada["access_token"]), kid_of(ada["access_token"])
    head, _, _ = ada["access_token"].rpartition(".")
    for alg in ("none", "None", "NONE", "EdDSA"):
        token = unsigned({"alg": alg, "typ": "JWT", "kid": kid}, claims) + "."
        assert (await client.get(ME, headers=bearer(token))).status_code == 401
    assert (await client.get(ME, headers=bearer(f"{head}."))).status_code == 401


async def test_the_public_key_is_no_shared_secret(
    client: httpx.AsyncClient, join: Join, key: tuple[str, Ed25519PrivateKey]
) -> None:
    kid, private_key = key
    public_key = private_key.public_key()
    claims = claims_of((await join("Ada"))["access_token"])
    raw = public_key.public_bytes_raw()
    for secret in (
        raw,
        base64url(raw).encode(),
        public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    ):
        head = unsigned({"alg": "HS256", "typ": "JWT", "kid": kid}, claims)
        signature = hmac.new(secret, head.encode(), hashlib.sha256).digest()
        token = f"{head}.{base64url(signature)}"
        assert (await client.get(ME, headers=bearer(token))).status_code == 401


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "." * 3, "e30.e30.e30", "é", "a" * 5000])
async def test_malformed_tokens_are_refused(client: httpx.AsyncClient, token: str) -> None:
    headers = {b"Authorization": b"Bearer " + token.encode()}
    assert (await client.get(ME, headers=headers)).status_code == 401


async def test_an_unusual_kid_is_refused_without_a_failure(
    client: httpx.AsyncClient, key: tuple[str, Ed25519PrivateKey]
) -> None:
    strange: list[Any] = [None, 5, [], {}, "../../key", "\0", "'; drop table signing_keys; --"]
    for kid in strange:
        head = unsigned({"alg": "EdDSA", "kid": kid}, {"sub": str(uuid4())})
        token = f"{head}.{base64url(key[1].sign(head.encode()))}"
        assert (await client.get(ME, headers=bearer(token))).status_code == 401


async def rotate(app: FastAPI) -> str:
    async with app.state.context.database.sessions.begin() as session:
        return await rotate_signing_key(session, SigningKey)


async def test_rotation_keeps_old_tokens_valid_and_signs_with_the_new_key_once_all_know_it(
    settings: Settings, passwords: Passwords, app: FastAPI, join: Join, execute: Execute
) -> None:
    ada = await join("Ada")
    form = {"username": ada["email"], "password": ada["password"]}
    old = kid_of(ada["access_token"])
    new = await rotate(app)

    # Each app stands for a new process that has not read the keys yet.
    async with running(create_app(settings, passwords=passwords)) as client:
        assert await kids(client) == [new, old]
        signed = (await client.post("/api/v1/auth/login", data=form)).json()["access_token"]
        assert kid_of(signed) == old

    await execute("update signing_keys set retired_at = now() where retired_at is not null")
    async with running(create_app(settings, passwords=passwords)) as client:
        assert await kids(client) == [new, old]
        signed = (await client.post("/api/v1/auth/login", data=form)).json()["access_token"]
        assert kid_of(signed) == new
        for token in (ada["access_token"], signed):
            assert (await client.get(ME, headers=bearer(token))).status_code == 200

    await execute(
        "update signing_keys set retired_at = now() - interval '17 minutes' "
        "where retired_at is not null"
    )
    async with running(create_app(settings, passwords=passwords)) as client:
        assert await kids(client) == [new]
        old_token = await client.get(ME, headers=bearer(ada["access_token"]))
        assert old_token.status_code == 401


async def test_the_old_key_is_published_until_its_last_token_has_ended(
    settings: Settings, app: FastAPI, join: Join, execute: Execute
) -> None:
    old = kid_of((await join("Ada"))["access_token"])
    new = await rotate(app)
    # A process caches the keys for a few seconds, and may still sign with the old key in that time.
    await execute(
        "update signing_keys set retired_at = now() - interval '15 minutes 10 seconds' "
        "where retired_at is not null"
    )
    async with running(create_app(settings)) as client:
        assert await kids(client) == [new, old]


async def test_processes_that_start_at_once_make_one_key(
    settings: Settings, passwords: Passwords, execute: Execute
) -> None:
    apps = [create_app(settings, passwords=passwords) for _ in range(5)]
    published = await asyncio.gather(*(app.state.resources.keys.published() for app in apps))
    for app in apps:
        await app.state.context.database.close()
    assert published == [published[0]] * 5
    assert len(await execute("select kid from signing_keys")) == 1


async def test_simultaneous_requests_with_stale_keys_share_one_read(
    settings: Settings, passwords: Passwords, execute: Execute
) -> None:
    app = create_app(settings, passwords=passwords)
    statements: list[str] = []

    @event.listens_for(app.state.context.database.engine.sync_engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        statements.append(statement)

    async with running(app):
        keys = app.state.resources.keys
        # The first read creates the key, so it needs more statements than later reads.
        await keys.published()
        statements.clear()
        keys._read_at = float("-inf")  # as if the cached keys were outdated
        published = await asyncio.gather(*(keys.published() for _ in range(40)))
    assert published == [published[0]] * 40
    assert len(statements) == 1


async def test_a_cancelled_request_does_not_end_the_shared_read(
    settings: Settings, passwords: Passwords, execute: Execute
) -> None:
    app = create_app(settings, passwords=passwords)
    async with running(app):
        first, second = (
            asyncio.create_task(app.state.resources.keys.published()) for _ in range(2)
        )
        await asyncio.sleep(0)
        first.cancel()
        assert len(await second) == 1
        with pytest.raises(asyncio.CancelledError):
            await first


async def test_a_failed_read_fails_for_all_waiting_requests_and_the_next_one_reads_again(
    settings: Settings, passwords: Passwords, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings, passwords=passwords)
    async with running(app):
        keys, database = app.state.resources.keys, app.state.context.database
        reads = 0

        def unavailable() -> None:
            nonlocal reads
            reads += 1
            raise DatabaseUnavailable

        with monkeypatch.context() as broken:
            broken.setattr(database, "session", unavailable)
            outcomes = await asyncio.gather(
                *(keys.published() for _ in range(5)), return_exceptions=True
            )
        assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 5
        assert reads == 1
        assert len(await keys.published()) == 1
