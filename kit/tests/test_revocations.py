"""The copy of the revocations in each service: its refusals, and its behaviour when the identity service fails."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from cathouse_kit import revocations as module
from cathouse_kit.problems import Unauthenticated
from cathouse_kit.revocations import AccountDisabled, Revocations
from cathouse_kit.security import MaybeSignedIn, SignedIn
from cathouse_kit.service_client import PeerUnavailable, ServiceClient
from cathouse_kit.testing import FakeServices, Issuer, bearer, eventually, running
from cathouse_kit.tokens import verify_access_token
from fastapi import APIRouter, FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from .conftest import Logged, MakeApp
from .sample_platform import PLATFORM, Editor, Role
from .support import TOKEN

ADA = UUID(int=7)
NOW = datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)


@pytest.fixture
def revocations(fake_services: FakeServices) -> Revocations:
    return Revocations(
        ServiceClient(
            "people", "http://people.test", [SecretStr(TOKEN)], transport=fake_services.transport
        ),
        PLATFORM.identity.revocations_path,
    )


@pytest.fixture
def app(make_app: MakeApp, fake_services: FakeServices) -> FastAPI:
    router = APIRouter(prefix="/api/v1/sample")

    @router.get("/me")
    async def me(person: SignedIn) -> str:
        return person.role

    @router.get("/editor")
    async def editor(person: Editor) -> str:
        return person.role

    @router.get("/maybe")
    async def maybe(person: MaybeSignedIn) -> str:
        return person.role if person else "nobody"

    return make_app(router, transport=fake_services.transport)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


def kind(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].rpartition(":")[2]


@pytest.mark.parametrize("path", ["/me", "/editor", "/maybe"])
async def test_every_guard_refuses_a_disabled_person_and_tokens_from_before_a_change(
    path: str, app: FastAPI, client: httpx.AsyncClient, fake_services: FakeServices, issuer: Issuer
) -> None:
    disabled, demoted, bystander = uuid4(), uuid4(), uuid4()
    # All tokens are older than the change.
    headers = {
        person: issuer.headers("editor", person) for person in (disabled, demoted, bystander)
    }

    async def get(person: UUID) -> httpx.Response:
        return await client.get(f"/api/v1/sample{path}", headers=headers[person])

    for person in (disabled, demoted, bystander):
        assert (await get(person)).status_code == 200
    fake_services.revocations.note(disabled, active=False)
    fake_services.revocations.note(demoted, active=True)
    await app.state.context.revocations.poll()
    assert kind(await get(disabled)) == (403, "account_disabled")
    assert kind(await get(demoted)) == (401, "unauthenticated")
    assert (await get(bystander)).status_code == 200


async def test_a_new_token_works_after_a_change_within_the_same_second(
    issuer: Issuer, revocations: Revocations, fake_services: FakeServices, app: FastAPI
) -> None:
    fake_services.revocations.note(ADA, active=True, not_before=NOW)
    await revocations.poll()
    keys = app.state.context.keys
    before, after = (
        issuer.token(Role.READER, ADA, iat=(NOW + timedelta(microseconds=us)).timestamp())
        for us in (-1, 0)
    )
    with pytest.raises(Unauthenticated):
        await verify_access_token(before, PLATFORM, keys, revocations)
    assert (await verify_access_token(after, PLATFORM, keys, revocations)).id == ADA


@given(
    issued=st.datetimes(datetime(2020, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),
    microseconds=st.integers(-2_000_000, 2_000_000),
)
def test_times_are_compared_by_the_microsecond(issued: datetime, microseconds: int) -> None:
    not_before = issued + timedelta(microseconds=microseconds)
    copy = module._Copy()
    entry = {"user_id": ADA, "active": True, "not_before": not_before.isoformat()}
    copy.take(
        module.RevocationChanges.model_validate({"items": [entry], "next_since": 1, "more": False})
    )
    assert (issued.timestamp() < copy.not_before[ADA]) == (issued < not_before)


async def test_a_person_who_is_enabled_again_needs_a_new_token(
    revocations: Revocations, fake_services: FakeServices
) -> None:
    fake_services.revocations.note(ADA, active=False, not_before=NOW)
    await revocations.poll()
    assert not revocations.is_active(ADA)
    with pytest.raises(AccountDisabled):
        revocations.check_token(ADA, NOW.timestamp() + 60)
    fake_services.revocations.note(ADA, active=True, not_before=NOW + timedelta(seconds=30))
    await revocations.poll()
    assert revocations.is_active(ADA)
    with pytest.raises(Unauthenticated):
        revocations.check_token(ADA, NOW.timestamp())
    revocations.check_token(ADA, NOW.timestamp() + 60)


UNUSABLE = [
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("slow"),
    httpx.Response(500),
    httpx.Response(503),
    httpx.Response(401, json={}),
    httpx.Response(404, json={}),
    httpx.Response(200, content=b"<html>"),
    httpx.Response(200, json=[]),
    httpx.Response(200, json={"items": [{}], "next_since": 1, "more": False}),
    httpx.Response(200, json={"items": [], "next_since": "x", "more": False}),
]


@pytest.mark.parametrize("response", UNUSABLE, ids=repr)
async def test_a_cold_start_without_the_list_refuses_people_and_names_auth(
    response: httpx.Response | Exception, app: FastAPI, fake_services: FakeServices, issuer: Issuer
) -> None:
    fake_services.on("GET", PLATFORM.identity.revocations_path, response)
    async with running(app) as client:
        refused = await client.get("/api/v1/sample/me", headers=issuer.headers())
        nobody = await client.get("/api/v1/sample/maybe")
        revocations: Revocations = app.state.context.revocations
        with pytest.raises(PeerUnavailable):
            revocations.is_active(uuid4())
        fake_services.on(
            "GET", PLATFORM.identity.revocations_path, fake_services.revocations.answer
        )

        async def served() -> bool:
            again = await client.get("/api/v1/sample/me", headers=issuer.headers())
            return again.status_code == 200

        await eventually("successful requests after auth is back", served)
    assert kind(refused) == (503, "peer_unavailable")
    assert refused.json()["peer"] == "people"
    assert nobody.json() == "nobody"


@pytest.mark.parametrize("response", UNUSABLE, ids=repr)
async def test_while_auth_is_down_the_last_known_list_applies(
    response: httpx.Response | Exception, revocations: Revocations, fake_services: FakeServices
) -> None:
    fake_services.revocations.note(ADA, active=False)
    await revocations.poll()
    fake_services.on("GET", PLATFORM.identity.revocations_path, response)
    await revocations.poll()
    assert revocations.known
    assert not revocations.is_active(ADA)
    assert revocations.is_active(uuid4())


async def test_the_copy_requests_only_changes_and_learns_of_them_without_a_request(
    app: FastAPI, client: httpx.AsyncClient, fake_services: FakeServices
) -> None:
    revocations: Revocations = app.state.context.revocations
    fake_services.revocations.note(ADA, active=False)

    async def known() -> bool:
        return not revocations.is_active(ADA)

    await eventually("the poll with the change", known)
    questions: list[str] = []

    def response(request: httpx.Request) -> httpx.Response:
        questions.append(str(request.url.query, "ascii"))
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        return fake_services.revocations.answer(request)

    fake_services.on("GET", PLATFORM.identity.revocations_path, response)

    async def asked() -> bool:
        return len(questions) >= 2

    await eventually("two more polls", asked)
    assert set(questions) == {"since=1"}


def paged(people: list[UUID], page: int) -> Callable[[httpx.Request], httpx.Response]:
    """Return an identity service that lists these people as disabled, with a few on each page."""

    def response(request: httpx.Request) -> httpx.Response:
        since = int(request.url.params["since"])
        items: list[dict[str, Any]] = [
            {"user_id": str(person), "active": False, "not_before": NOW.isoformat()}
            for person in people[since : since + page]
        ]
        end = since + len(items)
        return httpx.Response(
            200, json={"items": items, "next_since": end, "more": end < len(people)}
        )

    return response


async def test_a_list_of_many_pages_applies_only_when_it_is_complete(
    revocations: Revocations, fake_services: FakeServices
) -> None:
    people = [uuid4() for _ in range(7)]
    fake_services.on("GET", PLATFORM.identity.revocations_path, paged(people, 3))
    for _ in range(2):
        await revocations.poll()
        assert not revocations.known
        with pytest.raises(PeerUnavailable):
            revocations.is_active(people[0])
    await revocations.poll()
    assert revocations.known
    assert not any(map(revocations.is_active, people))


async def test_the_list_is_renewed_page_by_page_and_drops_entries_that_auth_has_dropped(
    revocations: Revocations, fake_services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, people = uuid4(), [uuid4() for _ in range(7)]
    fake_services.on("GET", PLATFORM.identity.revocations_path, paged([gone, *people], 100))
    await revocations.poll()
    assert not revocations.is_active(gone)
    fake_services.on("GET", PLATFORM.identity.revocations_path, paged(people, 3))
    monkeypatch.setattr(module, "RENEW_SECONDS", -1.0)
    for _ in range(3):
        await revocations.poll()
        # The current list applies until the new one is complete.
        assert not any(map(revocations.is_active, [gone, *people]))
    await revocations.poll()
    assert revocations.is_active(gone)
    assert not any(map(revocations.is_active, people))


async def test_a_request_to_a_silent_auth_ends_in_half_a_second_and_is_repeated_at_once(
    revocations: Revocations, fake_services: FakeServices
) -> None:
    await revocations.poll()
    asked = asyncio.Event()

    async def silence(_request: httpx.Request) -> httpx.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    fake_services.on("GET", PLATFORM.identity.revocations_path, silence)
    assert module.POLL_SECONDS * 1.2 + module._RESPONSE_SECONDS < 0.9
    async with asyncio.timeout(20):
        await revocations.poll()
    assert asked.is_set()
    assert revocations.known


async def test_silence_and_its_end_are_logged_once_each(
    revocations: Revocations, fake_services: FakeServices, logged: Logged
) -> None:
    await revocations.poll()
    fake_services.on("GET", PLATFORM.identity.revocations_path, httpx.ConnectError("refused"))
    logged()
    for _ in range(3):
        await revocations.poll()
    fake_services.on("GET", PLATFORM.identity.revocations_path, fake_services.revocations.answer)
    for _ in range(3):
        await revocations.poll()
    lines = [(line["level"], line["message"]) for line in logged()]
    assert [level for level, _ in lines] == ["warning", "info"]
    assert "people does not respond, the last known list applies: ConnectError" in lines[0][1]
    assert "people responds again" in lines[1][1]


async def test_the_age_of_the_list_is_a_metric(
    app: FastAPI, client: httpx.AsyncClient, fake_services: FakeServices
) -> None:
    fake_services.on("GET", PLATFORM.identity.revocations_path, httpx.ConnectError("refused"))
    revocations: Revocations = app.state.context.revocations
    revocations._responded_at -= 100

    def age(text: str) -> float:
        (line,) = [x for x in text.splitlines() if x.startswith("revocations_age_seconds ")]
        return float(line.split()[1])

    assert 100 <= age((await client.get("/metrics")).text) < 150
    fake_services.on("GET", PLATFORM.identity.revocations_path, fake_services.revocations.answer)

    async def young() -> bool:
        return age((await client.get("/metrics")).text) < 50

    await eventually("the age to fall", young)


async def test_requests_cause_no_calls_to_auth(
    app: FastAPI, client: httpx.AsyncClient, fake_services: FakeServices, issuer: Issuer
) -> None:
    token = bearer(issuer.token())
    for _ in range(20):
        assert (await client.get("/api/v1/sample/me", headers=token)).status_code == 200
    assert [request.url.path for request in fake_services.calls] == [PLATFORM.identity.keys_path]


async def test_a_service_requests_the_list_often_only_while_it_starts(
    revocations: Revocations, fake_services: FakeServices
) -> None:
    fake_services.on("GET", PLATFORM.identity.revocations_path, httpx.ConnectError("refused"))
    await revocations.poll()
    assert revocations._poll_seconds() <= 0.05
    revocations._responded_at -= module._FIRST_SECONDS
    assert revocations._poll_seconds() == module.POLL_SECONDS


async def test_a_service_with_the_list_polls_at_the_normal_interval(
    revocations: Revocations,
) -> None:
    await revocations.poll()
    assert revocations._poll_seconds() == module.POLL_SECONDS
