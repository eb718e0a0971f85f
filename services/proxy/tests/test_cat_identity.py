"""Identity tokens for cats: only the proxy can create them, and they hold a pseudonym of the user."""

import time
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cathouse_kit.signing_keys import rotate_signing_key
from cathouse_kit.testing import FakeServices, running
from cathouse_platform.testing import scope_body
from cathouse_proxy.main import create_app
from cathouse_proxy.models import SigningKey
from cathouse_proxy.services.exchange import identity
from cathouse_proxy.services.exchange.identity import _KEEP_SECONDS, Identities, SigningKeys
from cathouse_proxy.settings import Settings
from fastapi import FastAPI
from httpx import AsyncClient

from .support import Clock, FakePlatform, Remake, ScriptedCat


async def published(client: AsyncClient) -> dict[str, Any]:
    response = await client.get("/api/v1/proxy/jwks", headers={"Authorization": ""})
    assert response.status_code == 200
    assert response.headers["cache-control"] == "public, max-age=60"
    keys: dict[str, Any] = response.json()
    return keys


async def received_token(client: AsyncClient, platform: FakePlatform, cat: ScriptedCat) -> str:
    assert (await client.get(platform.path(), headers=platform.headers)).status_code == 200
    return (cat.requests[-1].header("authorization") or "").removeprefix("Bearer ")


def read(token: str, keys: dict[str, Any], cat_id: UUID) -> dict[str, Any]:
    """Verify a token like a cat does, and return its claims."""
    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=["EdDSA"], issuer="cathouse-proxy", audience=str(cat_id)
    )
    return claims


async def test_a_cat_can_verify_the_call_with_the_published_keys(
    client: AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    token = await received_token(client, platform, cat)
    claims = read(token, await published(client), platform.cat_id)
    assert abs(claims.pop("iat") - time.time()) < 30
    assert claims.pop("exp") - time.time() <= 60
    assert len(claims.pop("sub")) == 43
    assert claims == {
        "iss": "cathouse-proxy",
        "aud": str(platform.cat_id),
        "scope": "tasks:read",
        "installation": str(platform.installation_id),
    }
    assert str(platform.owner_id) not in str(jwt.decode(token, options={"verify_signature": False}))


async def test_the_token_is_invalid_for_other_cats(
    client: AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    token = await received_token(client, platform, cat)
    keys = await published(client)
    with pytest.raises(jwt.InvalidAudienceError):
        read(token, keys, uuid4())


async def test_private_keys_are_not_published(client: AsyncClient) -> None:
    [key] = (await published(client))["keys"]
    assert sorted(key) == ["alg", "crv", "kid", "kty", "use", "x"]


async def test_the_token_has_exactly_the_granted_scopes_that_allow_the_call(
    client: AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    reading = {"methods": ["GET"], "path": "/tasks"}
    platform.scopes = [scope_body(name, reading) for name in ("a:one", "a:two", "a:three")]
    platform.granted_scopes = ["a:three", "a:one", "a:other"]
    token = await received_token(client, platform, cat)
    claims = read(token, await published(client), platform.cat_id)
    assert claims["scope"] == "a:one a:three"


async def test_a_pseudonym_is_stable_per_person_and_cat_and_differs_otherwise(
    app: FastAPI, client: AsyncClient
) -> None:
    def identities() -> Identities:
        # Another process of the proxy gives the same pseudonym.
        return Identities(app.state.context.database, SigningKeys(app.state.context.database))

    ada, bea, tasks, notes = uuid4(), uuid4(), uuid4(), uuid4()
    first, second = identities(), identities()
    names = {
        (person, cat): await first.pseudonym(person, cat)
        for person in (ada, bea)
        for cat in (tasks, notes)
    }
    assert len(set(names.values())) == 4
    for (person, cat), name in names.items():
        assert await second.pseudonym(person, cat) == name


async def test_two_installations_of_one_cat_have_the_same_pseudonym(
    client: AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    other = FakePlatform(
        platform.fake_services, cat.url, owner_id=platform.owner_id, cat_id=platform.cat_id
    )
    keys: dict[str, Any] | None = None
    subjects = []
    for installation in (platform, other):
        platform.fake_services.on(
            "POST", "/api/v1/installations/internal/verify", installation.verify
        )
        token = await received_token(client, installation, cat)
        keys = keys or await published(client)
        subjects.append(read(token, keys, platform.cat_id)["sub"])
    assert subjects[0] == subjects[1]


async def test_a_retired_key_stays_published_for_as_long_as_its_tokens(
    app: FastAPI, client: AsyncClient, platform: FakePlatform, cat: ScriptedCat
) -> None:
    token = await received_token(client, platform, cat)
    async with app.state.context.database.session() as session:
        new = await rotate_signing_key(session, SigningKey)
    fresh = SigningKeys(app.state.context.database)
    keys = {"keys": await fresh.published()}
    assert keys["keys"][0]["kid"] == new
    assert len(keys["keys"]) == 2
    assert read(token, keys, platform.cat_id)["sub"]


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A list of the claims that are signed from now on."""
    signed: list[dict[str, Any]] = []
    encode = jwt.encode

    def noted(claims: dict[str, Any], *arguments: Any, **options: Any) -> str:
        signed.append(claims)
        return encode(claims, *arguments, **options)

    monkeypatch.setattr(jwt, "encode", noted)
    return signed


async def test_calls_within_20_seconds_share_one_signature(
    app: FastAPI, clock: Clock, emptied: None, signatures: list[dict[str, Any]]
) -> None:
    database = app.state.context.database
    identities = Identities(database, SigningKeys(database), clock)
    said: dict[str, Any] = {name: uuid4() for name in ("person_id", "cat_id", "installation_id")}
    tokens = []
    for _ in range(10):
        tokens.append(await identities.token(**said, scopes=["tasks:read"]))
        clock.now += 1.9
    assert (len(set(tokens)), len(signatures)) == (1, 1)
    # The token is still valid for longer than the 30 seconds of a call.
    clock.now += 2
    assert signatures[0]["exp"] - signatures[0]["iat"] - _KEEP_SECONDS >= 30
    await identities.token(**said, scopes=["tasks:read"])
    assert len(signatures) == 2
    await database.close()


async def test_other_claims_need_another_token(
    app: FastAPI, emptied: None, signatures: list[dict[str, Any]]
) -> None:
    database = app.state.context.database
    keys = SigningKeys(database)
    identities = Identities(database, keys)
    said: dict[str, Any] = {name: uuid4() for name in ("person_id", "cat_id", "installation_id")}
    said["scopes"] = ["tasks:read"]
    changes: list[dict[str, Any]] = [
        {},
        *({name: uuid4()} for name in list(said)[:3]),
        {"scopes": ["tasks:write"]},
    ]
    tokens = {await identities.token(**said | change) for change in changes}
    assert (len(tokens), len(signatures)) == (5, 5)
    # Another key signs, like after `rotate-keys`.
    keys._kid = "another"
    await identities.token(**said)
    assert len(signatures) == 6
    await database.close()


async def test_the_number_of_cached_tokens_is_limited(
    app: FastAPI, emptied: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "_MAX_KEPT", 3)
    database = app.state.context.database
    identities = Identities(database, SigningKeys(database))
    for _ in range(10):
        await identities.token(
            person_id=uuid4(), cat_id=uuid4(), installation_id=uuid4(), scopes=[]
        )
    assert len(identities._kept) <= 3
    await database.close()


async def test_the_next_token_has_the_narrowed_scopes(
    app: FastAPI,
    remake: Remake,
    clock: Clock,
    client: AsyncClient,
    platform: FakePlatform,
    cat: ScriptedCat,
) -> None:
    reading = {"methods": ["GET"], "path": "/tasks"}
    platform.scopes = [scope_body(name, reading) for name in ("a:one", "a:two")]
    platform.granted_scopes = ["a:one", "a:two"]
    remake(clock=clock)
    async with app.state.resources.cats:
        keys = await published(client)
        token = await received_token(client, platform, cat)
        assert read(token, keys, platform.cat_id)["scope"] == "a:one a:two"
        platform.granted_scopes = ["a:two"]
        clock.now += 1
        token = await received_token(client, platform, cat)
        assert read(token, keys, platform.cat_id)["scope"] == "a:two"


async def test_processes_that_start_together_agree_on_one_key(
    settings: Settings, fake_services: FakeServices, emptied: None
) -> None:
    one, other = (create_app(settings, transport=fake_services.transport) for _ in range(2))
    async with running(one) as client, running(other) as second:
        assert await published(client) == await published(second)
