"""Two versions of an API at the same time, as docs/how-to/change-the-api.md describes them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cathouse_kit.deprecation import deprecated
from cathouse_kit.problems import NotFound
from cathouse_kit.schemas import ResponseBody
from cathouse_kit.security import SignedIn, anyone
from cathouse_kit.testing import FakeServices, Issuer, running
from fastapi import APIRouter, Depends

from .conftest import MakeApp

SINCE = datetime(2026, 7, 1, tzinfo=UTC)
SUNSET = datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)
FIELDS = {
    # The examples of RFC 9745, section 2.1, and RFC 8594, section 3, at other moments.
    "Deprecation": "@1782864000",
    "Sunset": "Sun, 31 Jan 2027 23:59:59 GMT",
    "Link": '</api/v2/sample/notes>; rel="successor-version"',
}


def read_note(number: int) -> dict[str, object]:
    """The rule that both versions stand on."""
    if number == 0:
        raise NotFound
    return {"text": "hello", "words": ["hello"]}


class NoteV1(ResponseBody):
    text: str


class NoteV2(ResponseBody):
    words: list[str]


def routers() -> tuple[APIRouter, APIRouter]:
    v1 = APIRouter(
        prefix="/api/v1/sample/notes",
        tags=["notes"],
        route_class=deprecated(since=SINCE, sunset=SUNSET, successor="/api/v2/sample/notes"),
    )
    v2 = APIRouter(prefix="/api/v2/sample/notes", tags=["notes"])

    @v1.get("/{number}", response_model=NoteV1, dependencies=[Depends(anyone)])
    async def read_v1(number: int) -> dict[str, object]:
        return read_note(number)

    @v1.delete("/{number}", status_code=204)
    async def delete_v1(number: int, person: SignedIn) -> None:
        read_note(number)

    @v2.get("/{number}", response_model=NoteV2, dependencies=[Depends(anyone)])
    async def read_v2(number: int) -> dict[str, object]:
        return read_note(number)

    return v1, v2


async def test_both_versions_answer_and_the_old_one_says_until_when(make_app: MakeApp) -> None:
    async with running(make_app(*routers())) as client:
        old = await client.get("/api/v1/sample/notes/1")
        new = await client.get("/api/v2/sample/notes/1")
    assert old.json() == {"text": "hello"}
    assert {name: old.headers[name] for name in FIELDS} == FIELDS
    assert new.json() == {"words": ["hello"]}
    assert not FIELDS.keys() & {name.title() for name in new.headers}


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "0", 404), ("GET", "x", 422), ("DELETE", "1", 401)]
)
async def test_errors_say_it_too(make_app: MakeApp, method: str, path: str, status: int) -> None:
    async with running(make_app(*routers())) as client:
        answer = await client.request(method, f"/api/v1/sample/notes/{path}")
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {name: answer.headers[name] for name in FIELDS} == FIELDS


async def test_what_is_deprecated_does_what_it_did(
    make_app: MakeApp, issuer: Issuer, fake_services: FakeServices
) -> None:
    app = make_app(*routers(), transport=fake_services.transport)
    async with running(app) as client:
        answer = await client.delete("/api/v1/sample/notes/1", headers=issuer.headers())
        metrics = (await client.get("/metrics")).text
    assert answer.status_code == 204
    # By which one sees who still calls it.
    assert 'method="DELETE",route="/api/v1/sample/notes/{number}",status="204"' in metrics


def test_the_description_says_it(make_app: MakeApp) -> None:
    paths = make_app(*routers()).openapi()["paths"]
    for operation in paths["/api/v1/sample/notes/{number}"].values():
        assert operation["deprecated"] is True
        assert operation["x-sunset"] == "2027-01-31"
    assert "deprecated" not in paths["/api/v2/sample/notes/{number}"]["get"]


def test_moments_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        deprecated(since=SINCE.replace(tzinfo=None), sunset=SUNSET, successor="/")
    with pytest.raises(ValueError, match="must not be before"):
        deprecated(since=SUNSET, sunset=SINCE, successor="/")
    other_zone = SINCE.astimezone(timezone(timedelta(hours=2)))
    assert deprecated(since=other_zone, sunset=SUNSET, successor="/")
