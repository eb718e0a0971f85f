import base64
import time
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from cathouse_kit.problems import Unauthenticated
from cathouse_kit.service_client import PeerUnavailable, ServiceClient
from cathouse_kit.testing import FakeServices, Issuer
from cathouse_kit.tokens import Principal, RemoteKeys, verify_access_token
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from .sample_platform import PLATFORM, Role
from .support import TOKEN

# Fixed, because the ids of tests must be the same in every worker.
YEAR_2100 = 4102444800


@pytest.fixture
def keys(fake_services: FakeServices) -> RemoteKeys:
    """Keys from a fake identity service. The transport needs no closing."""
    return RemoteKeys(
        ServiceClient(
            "people", "http://people.test", [SecretStr(TOKEN)], transport=fake_services.transport
        ),
        PLATFORM.identity.keys_path,
    )


@pytest.mark.parametrize("role", list(Role))
async def test_a_valid_token_identifies_the_caller(
    role: Role, issuer: Issuer, keys: RemoteKeys
) -> None:
    person_id = uuid4()
    person = await verify_access_token(
        issuer.token(role, person_id, jti=str(UUID(int=7))), PLATFORM, keys, None
    )
    assert person == Principal(person_id, role, UUID(int=7))


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def signed_otherwise(issuer: Issuer, key: object, algorithm: str, **headers: str) -> str:
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": issuer.kid} | headers)  # type: ignore[arg-type]


async def refused(token: str, keys: RemoteKeys) -> str:
    with pytest.raises(Unauthenticated) as unauthenticated:
        await verify_access_token(token, PLATFORM, keys, None)
    assert unauthenticated.value.headers == {"WWW-Authenticate": "Bearer"}
    return unauthenticated.value.detail


@pytest.mark.parametrize(
    "claims",
    [
        *({name: None} for name in ("iss", "aud", "sub", "role", "jti", "iat", "exp")),
        {"iss": "someone-else"},
        {"aud": "others"},
        {"sub": "no-uuid"},
        {"sub": 7},
        {"jti": "no-uuid"},
        {"role": "emperor"},
        {"role": ["editor"]},
        {"iat": YEAR_2100},
        {"iat": "nan"},
        {"iat": "yesterday"},
        {"exp": "tomorrow"},
        {"nbf": YEAR_2100},
    ],
    ids=str,
)
async def test_a_token_with_other_claims_is_invalid(
    claims: dict[str, object], issuer: Issuer, keys: RemoteKeys
) -> None:
    token = issuer.token(**claims)  # type: ignore[arg-type]
    assert await refused(token, keys) == "This access token is invalid. Sign in to get a new token."


async def test_a_token_is_valid_if_the_clock_is_behind_that_of_postgresql(
    issuer: Issuer, keys: RemoteKeys
) -> None:
    ninety_seconds_ahead = int(time.time()) + 90
    token = issuer.token(iat=ninety_seconds_ahead, exp=ninety_seconds_ahead + 900)
    assert await verify_access_token(token, PLATFORM, keys, None)
    five_minutes_ahead = int(time.time()) + 300
    await refused(issuer.token(iat=five_minutes_ahead, exp=five_minutes_ahead + 900), keys)


async def test_an_expired_token_is_refused_after_some_seconds_of_clock_skew(
    issuer: Issuer, keys: RemoteKeys
) -> None:
    assert "has expired" in await refused(issuer.token(expires_in=-10), keys)
    assert await verify_access_token(issuer.token(expires_in=-1), PLATFORM, keys, None)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "a.b.c",
        "ä.ö.ü",
        f"{encoded(b'[]')}.{encoded(b'{}')}.AA",
        f"{encoded(b'{}')}.{encoded(b'{}')}.AA",
        f"{encoded(b'[' * 20_000)}.{encoded(b'{}')}.AA",
        f"{encoded(b'{' + b'}' * 3)}.{encoded(b'{}')}.AA",
    ],
    ids=lambda token: token[:20],
)
async def test_malformed_tokens_are_refused(token: str, keys: RemoteKeys) -> None:
    assert await refused(token, keys)


async def test_a_token_with_a_foreign_signature_is_refused(
    issuer: Issuer, keys: RemoteKeys
) -> None:
    forged = signed_otherwise(issuer, Ed25519PrivateKey.generate(), "EdDSA")
    assert (
        await refused(forged, keys) == "This access token is invalid. Sign in to get a new token."
    )
    stranger = Issuer(PLATFORM)
    assert "an unknown key" in await refused(stranger.token(), keys)
    assert "an unknown key" in await refused(
        signed_otherwise(issuer, Ed25519PrivateKey.generate(), "EdDSA", kid="unknown"), keys
    )


async def test_other_algorithms_are_refused_including_the_public_key_as_a_secret(
    issuer: Issuer, keys: RemoteKeys
) -> None:
    public = issuer.jwks()["keys"][0]["x"]
    unsigned = signed_otherwise(issuer, None, "none")
    confused = signed_otherwise(issuer, public.ljust(64, "="), "HS256")
    for token in (unsigned, confused):
        assert (
            await refused(token, keys)
            == "This access token is invalid. Sign in to get a new token."
        )


async def test_a_token_that_was_changed_is_refused(issuer: Issuer, keys: RemoteKeys) -> None:
    header, _, signature = issuer.token(Role.READER, UUID(int=7)).split(".")
    _, payload, _ = issuer.token(Role.EDITOR, UUID(int=7)).split(".")
    assert await refused(f"{header}.{payload}.{signature}", keys)


async def test_keys_are_requested_once(
    issuer: Issuer, keys: RemoteKeys, fake_services: FakeServices
) -> None:
    for _ in range(3):
        assert await keys.key(issuer.kid)
    assert len(fake_services.calls) == 1


async def test_an_unknown_key_renews_the_keys_but_not_for_every_forged_token(
    issuer: Issuer, keys: RemoteKeys, fake_services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await keys.key(issuer.kid)
    new = Issuer(PLATFORM)
    fake_services.on(
        "GET",
        PLATFORM.identity.keys_path,
        httpx.Response(200, json={"keys": issuer.jwks()["keys"] + new.jwks()["keys"]}),
    )
    for _ in range(3):
        assert await keys.key(new.kid) is None
    assert len(fake_services.calls) == 1
    monkeypatch.setattr(RemoteKeys, "LOOK_AGAIN_SECONDS", -1.0)
    assert await keys.key(new.kid)
    assert await keys.key(issuer.kid)
    assert len(fake_services.calls) == 2


async def test_a_key_that_is_no_longer_published_is_dropped(
    issuer: Issuer, keys: RemoteKeys, fake_services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await keys.key(issuer.kid)
    fake_services.on(
        "GET", PLATFORM.identity.keys_path, httpx.Response(200, json=Issuer(PLATFORM).jwks())
    )
    monkeypatch.setattr(RemoteKeys, "KEEP_SECONDS", -1.0)
    assert await keys.key(issuer.kid) is None


async def test_known_keys_remain_valid_while_auth_is_down(
    issuer: Issuer, keys: RemoteKeys, fake_services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await keys.key(issuer.kid)
    fake_services.on("GET", PLATFORM.identity.keys_path, httpx.ConnectError("refused"))
    monkeypatch.setattr(RemoteKeys, "KEEP_SECONDS", -1.0)
    asked = len(fake_services.calls)
    for _ in range(3):
        assert await keys.key(issuer.kid)
    assert len(fake_services.calls) == asked + 2  # one lookup, with two attempts


@pytest.mark.parametrize(
    "response",
    [
        httpx.ConnectError("refused"),
        httpx.Response(500),
        httpx.Response(404, json={}),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"keys": 7}),
        httpx.Response(200, json={"keys": ["nonsense", {"kty": "OKP"}]}),
    ],
    ids=repr,
)
async def test_without_keys_auth_is_unavailable_and_not_called_for_every_request(
    response: httpx.Response | Exception,
    issuer: Issuer,
    keys: RemoteKeys,
    fake_services: FakeServices,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_services.on("GET", PLATFORM.identity.keys_path, response)
    for _ in range(3):
        with pytest.raises(PeerUnavailable) as unavailable:
            await verify_access_token(issuer.token(), PLATFORM, keys, None)
        assert unavailable.value.members == {"peer": "people"}
    assert len(fake_services.calls) <= 2
    fake_services.on("GET", PLATFORM.identity.keys_path, httpx.Response(200, json=issuer.jwks()))
    monkeypatch.setattr(RemoteKeys, "TRY_AGAIN_SECONDS", -1.0)
    assert await verify_access_token(issuer.token(), PLATFORM, keys, None)


async def test_unknown_kinds_of_keys_are_ignored(
    issuer: Issuer, keys: RemoteKeys, fake_services: FakeServices
) -> None:
    published = [{"kty": "of tomorrow", "kid": "x"}, "nonsense", *issuer.jwks()["keys"]]
    fake_services.on(
        "GET", PLATFORM.identity.keys_path, httpx.Response(200, json={"keys": published})
    )
    assert await keys.key(issuer.kid)
