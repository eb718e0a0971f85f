"""One audit row for each call of an installation, written before the response; and permissions to read it."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from asyncpg.connection import LoggedQuery
from cathouse_kit import held_connection, signing_keys
from cathouse_kit.testing import DatabasePath, FakeServices, Issuer, running
from cathouse_platform.platform import Role
from cathouse_proxy.main import create_app
from cathouse_proxy.models import ProxiedCall
from cathouse_proxy.settings import Settings
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import event

from .support import (
    VERIFY,
    FakePlatform,
    Rows,
    ScriptedCat,
    arrived_call,
    other_services,
    request_bytes,
    server_process,
    status_of,
)

AUDIT = "/api/v1/proxy/audit"


async def test_the_row_exists_while_the_cat_is_called(
    client: httpx.AsyncClient, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    seen: list[dict[str, Any]] = []

    async def look(
        _: ScriptedCat, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen.extend(await rows())
        writer.write(cat.OK)

    cat.script = look
    assert (await client.get(platform.path())).status_code == 200
    [row] = seen
    assert (row["outcome"], row["status"], row["duration_ms"]) == ("started", None, None)
    assert (row["scope"], row["cat_id"]) == ("tasks:read", platform.cat_id)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 201 Made\r\nContent-Length: 2\r\n\r\nok", (201, "answered")),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", (200, "answering")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", (200, "answering")),
        (b"nonsense\r\n\r\n", (502, "cat_answer_broken")),
    ],
)
async def test_the_row_has_the_status_before_the_first_byte_is_sent(
    answer: bytes,
    expected: tuple[int, str],
    app: FastAPI,
    emptied: None,
    platform: FakePlatform,
    cat: ScriptedCat,
    rows: Rows,
) -> None:
    cat.answer = answer
    seen: list[tuple[int, str]] = []
    started = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await started.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            # Nothing was sent yet: `send` is about to send the first byte.
            [row] = await rows()
            seen.append((row["status"], row["outcome"]))
            assert message["status"] == row["status"]
            started.set()

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": platform.path(),
        "raw_path": platform.path().encode(),
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {platform.credential}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    async with app.router.lifespan_context(app):
        await app(scope, receive, send)
    assert seen == [expected]


async def test_without_a_database_no_cat_is_called(
    settings: Settings, fake_services: FakeServices, platform: FakePlatform, cat: ScriptedCat
) -> None:
    nowhere = SecretStr("postgresql://proxy:x@127.0.0.1:1/nowhere")
    app = create_app(
        settings.model_copy(update={"database_url": nowhere}), transport=fake_services.transport
    )
    async with running(app) as client:
        allowed = await client.get(platform.path(), headers=platform.headers)
        refused = await client.get(platform.path())
    # A caller without a credential gets no row.
    assert [allowed.status_code, refused.status_code] == [503, 401]
    assert allowed.json()["type"] == "urn:cathouse:problem:database_unavailable"
    assert cat.connections == 0


async def test_a_call_leaves_its_row_if_the_proxy_is_killed(
    settings: Settings,
    platform: FakePlatform,
    cat: ScriptedCat,
    emptied: None,
    rows: Rows,
    tmp_path: Path,
) -> None:
    called = asyncio.Event()

    async def never_answer(
        _: ScriptedCat, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        called.set()
        await reader.read()

    cat.script = never_answer
    async with (
        other_services(platform.fake_services) as peers,
        server_process(settings, peers, tmp_path) as (process, port),
    ):
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_bytes(platform, f"GET {platform.path()}"))
        async with asyncio.timeout(5):
            await called.wait()
        process.kill()
        await process.wait()
        writer.close()
    assert [(row["path"], row["outcome"]) for row in await rows()] == [("/tasks", "started")]


async def test_an_unexpected_failure_is_in_the_audit_too(
    client: httpx.AsyncClient, platform: FakePlatform, fake_services: FakeServices, rows: Rows
) -> None:
    path = f"/api/v1/catalog/internal/cats/{platform.cat_id}"
    fake_services.on("GET", path, RuntimeError("a bug"))
    response = await client.get(platform.path())
    assert (response.status_code, "bug" in response.text) == (500, False)
    assert [(row["status"], row["outcome"]) for row in await rows()] == [(500, "internal_error")]


async def test_a_body_beyond_the_limit_is_in_the_audit(
    port: int,
    app: FastAPI,
    settings: Settings,
    platform: FakePlatform,
    cat: ScriptedCat,
    rows: Rows,
) -> None:
    length = f"Content-Length: {settings.proxy_max_request_bytes + 1}"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes(platform, f"POST {platform.path()}", length))
    assert status_of(await reader.readuntil(b"\r\n\r\n")) == 413
    writer.close()
    assert [(row["status"], row["outcome"]) for row in await rows()] == [(413, "body_too_large")]
    assert cat.connections == 0


async def test_the_query_is_not_recorded(
    client: httpx.AsyncClient, platform: FakePlatform, rows: Rows
) -> None:
    await client.get(platform.path("tasks?token=secret"))
    await client.get(platform.path("admin?token=secret"))
    assert [row["path"] for row in await rows()] == ["/tasks", "/admin"]


@pytest.fixture
def add(app: FastAPI) -> Any:
    """A function that writes rows like the proxy does."""

    async def add(count: int = 1, **values: Any) -> None:
        async with app.state.context.database.session() as session:
            for _ in range(count):
                session.add(
                    ProxiedCall(
                        method="GET",
                        path="/tasks",
                        outcome="answered",
                        request_id="request-id",
                        **values,
                    )
                )
                await session.flush()

    return add


def own(issuer: Issuer, platform: FakePlatform) -> dict[str, str]:
    return issuer.headers(Role.PLAYER, platform.owner_id)


async def test_an_owner_reads_the_calls_of_an_installation(
    client: httpx.AsyncClient, platform: FakePlatform, issuer: Issuer
) -> None:
    made = [
        await client.get(platform.path()),
        await client.get(platform.path("admin")),
    ]
    await client.get(platform.path(), headers={"Authorization": "Bearer unknown"})
    await client.get(platform.path(), headers=issuer.headers(Role.PLAYER))
    response = await client.get(
        AUDIT,
        params={"installation_id": str(platform.installation_id)},
        headers=own(issuer, platform),
    )
    assert response.status_code == 200
    page = response.json()
    assert page["next_cursor"] is None
    # Refused calls are included, but not those of callers who may not use the installation.
    assert [item["request_id"] for item in page["items"]] == [
        answer.headers["x-request-id"] for answer in reversed(made)
    ]
    newest, oldest = page["items"]
    assert (newest["outcome"], newest["user_id"]) == ("scope_missing", str(platform.owner_id))
    assert oldest["at"].endswith("Z")
    assert sorted(oldest) == sorted(column.name for column in ProxiedCall.__table__.columns)
    assert oldest["status"] == 200


async def test_without_an_installation_users_read_their_own_calls(
    client: httpx.AsyncClient, platform: FakePlatform, issuer: Issuer, add: Any
) -> None:
    await add(2, user_id=platform.owner_id, installation_id=uuid4())
    await add(3, user_id=uuid4(), installation_id=uuid4())
    mine = (await client.get(AUDIT, headers=own(issuer, platform))).json()["items"]
    assert [item["user_id"] for item in mine] == [str(platform.owner_id)] * 2
    everyone = (await client.get(AUDIT, headers=issuer.headers(Role.ADMIN))).json()["items"]
    assert len(everyone) == 5


@pytest.mark.parametrize("role", [Role.PLAYER, Role.DEVELOPER])
async def test_the_calls_of_another_users_installation_are_hidden(
    role: Role, client: httpx.AsyncClient, platform: FakePlatform, issuer: Issuer
) -> None:
    for installation_id in (platform.installation_id, uuid4()):
        response = await client.get(
            AUDIT,
            params={"installation_id": str(installation_id)},
            headers=issuer.headers(role),
        )
        assert response.status_code == 404
        assert response.json()["type"] == "urn:cathouse:problem:installation_not_found"


async def test_an_admin_reads_all_calls_without_a_lookup(
    client: httpx.AsyncClient,
    platform: FakePlatform,
    issuer: Issuer,
    fake_services: FakeServices,
    add: Any,
) -> None:
    await add(1, user_id=platform.owner_id, installation_id=platform.installation_id)
    await add(1, user_id=platform.owner_id, installation_id=uuid4())
    fake_services.on("POST", VERIFY, httpx.ConnectError("down"))
    response = await client.get(
        AUDIT,
        params={"installation_id": str(platform.installation_id)},
        headers=issuer.headers(Role.ADMIN),
    )
    assert (response.status_code, len(response.json()["items"])) == (200, 1)


async def test_the_audit_needs_a_signed_in_user(
    client: httpx.AsyncClient, platform: FakePlatform, fake_services: FakeServices, issuer: Issuer
) -> None:
    for token in ("", platform.credential):
        response = await client.get(AUDIT, headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 401
    fake_services.on("POST", VERIFY, httpx.ConnectError("down"))
    response = await client.get(
        AUDIT, params={"installation_id": str(uuid4())}, headers=own(issuer, platform)
    )
    assert (response.status_code, response.json()["peer"]) == (503, "installation")


@pytest.mark.parametrize(
    "params",
    [{"limit": 0}, {"limit": 101}, {"cursor": "x"}, {"cursor": "\0"}, {"installation_id": "x"}],
)
async def test_invalid_parameters_are_refused(
    params: dict[str, Any], client: httpx.AsyncClient, issuer: Issuer
) -> None:
    response = await client.get(AUDIT, params=params, headers=issuer.headers())
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"] == ["query", next(iter(params))]


async def test_pages_lose_and_repeat_nothing_while_calls_are_made(
    client: httpx.AsyncClient, platform: FakePlatform, issuer: Issuer, add: Any
) -> None:
    await add(7, user_id=platform.owner_id)
    seen: list[UUID] = []
    cursor = None
    while True:
        params = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(AUDIT, params=params, headers=own(issuer, platform))).json()
        seen += [item["id"] for item in page["items"]]
        await add(2, user_id=platform.owner_id)
        if (cursor := page["next_cursor"]) is None:
            break
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen, reverse=True)


async def test_a_page_is_one_query(
    app: FastAPI, client: httpx.AsyncClient, platform: FakePlatform, issuer: Issuer, add: Any
) -> None:
    await add(30, user_id=platform.owner_id)
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = app.state.context.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    await client.get(AUDIT, headers=own(issuer, platform))
    assert len([text for text in statements if "FROM proxy.audit" in text]) == 1
    assert len(statements) == 1


async def test_calls_that_end_together_are_written_together(
    statements: list[LoggedQuery], client: httpx.AsyncClient, platform: FakePlatform, rows: Rows
) -> None:
    answers = await asyncio.gather(*(client.get(platform.path()) for _ in range(40)))
    assert {answer.status_code for answer in answers} == {200}
    writes = [
        len(ran.args[0]) for ran in statements if ran.query.startswith("insert into proxy.audit")
    ]
    # Every call is written twice, and one statement writes many calls.
    assert sum(writes) == 80
    assert len(writes) < 40
    assert {row["outcome"] for row in await rows()} == {"answered"}
    assert len(await rows()) == 40


@pytest.mark.parametrize(("below", "status", "trips"), [("tasks", 200, 2), ("admin", 403, 1)])
async def test_a_call_is_two_round_trips_to_the_database_and_a_refused_one_is_one(
    below: str,
    status: int,
    trips: int,
    settings: Settings,
    fake_services: FakeServices,
    platform: FakePlatform,
    emptied: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The connection is returned and the keys are read after fixed times. Neither must happen during the test.
    monkeypatch.setattr(held_connection, "_KEEP_SECONDS", 3600)
    monkeypatch.setattr(signing_keys, "_CACHE_SECONDS", 3600)
    async with DatabasePath(settings.database_url.get_secret_value()).open() as way:
        far = settings.model_copy(update={"database_url": SecretStr(way.url)})
        async with running(create_app(far, transport=fake_services.transport)) as client:
            for _ in range(2):
                way.round_trips = 0
                answer = await client.get(platform.path(below), headers=platform.headers)
                assert answer.status_code == status
            assert way.round_trips == trips


async def test_a_first_write_that_arrives_late_changes_nothing(
    app: FastAPI, client: httpx.AsyncClient, rows: Rows
) -> None:
    audit = app.state.resources.audit
    call = arrived_call("/")
    await audit.end(call, 200, "answered")
    call.record.status, call.record.outcome, call.record.duration_ms = None, "started", None
    await audit.start(call)
    assert [(row["status"], row["outcome"]) for row in await rows()] == [(200, "answered")]


async def test_a_lost_connection_is_replaced_without_failed_calls(
    client: httpx.AsyncClient, platform: FakePlatform, rows: Rows, database_urls: dict[str, str]
) -> None:
    connection = await asyncpg.connect(database_urls["proxy"])
    for _ in range(3):
        assert (await client.get(platform.path())).status_code == 200
        ended = await connection.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'proxy' and datname = current_database()"
        )
        assert ended
    assert (await client.get(platform.path())).status_code == 200
    assert [row["outcome"] for row in await rows()] == ["answered"] * 4
    await connection.close()


async def test_a_cancelled_call_is_written_and_does_not_delay_others(
    app: FastAPI, client: httpx.AsyncClient, rows: Rows
) -> None:
    audit = app.state.resources.audit
    calls = [arrived_call(f"/{n}") for n in range(3)]
    writing = [asyncio.create_task(audit.end(call, 200, "answered")) for call in calls]
    await asyncio.sleep(0)
    writing[0].cancel()
    await asyncio.gather(*writing, return_exceptions=True)
    await audit.close()
    assert [row["path"] for row in await rows()] == ["/0", "/1", "/2"]
