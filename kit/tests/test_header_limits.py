"""Limits on the head of a request, over sockets, because no client library sends such requests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from cathouse_kit import header_limits
from cathouse_kit.header_limits import MAX_BYTES

from .conftest import Logged
from .support import DEADLINE_SECONDS, ServiceProcess, running_package
from .wire import Connect, LengthApp, connected, listening, problem_of

HEAD = b"GET /cats HTTP/1.1\r\nHost: cats\r\n"
CHUNKED = b"POST /cats HTTP/1.1\r\nHost: cats\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def app() -> LengthApp:
    return LengthApp()


@pytest.fixture
async def connect(app: LengthApp) -> AsyncIterator[Connect]:
    async with listening(app) as port:
        yield lambda: connected(port)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> float:
    """Set the time limit of a head for these tests."""
    seconds = 0.5
    monkeypatch.setattr(header_limits, "MAX_SECONDS", seconds)
    return seconds


async def test_a_served_app_refuses_an_endless_header(
    service_process: Callable[..., ServiceProcess], tmp_path: Path
) -> None:
    running_package(tmp_path)
    service = service_process("cathouse_running")
    service.start("serve")
    await service.responds("/response", "first")
    async with connected(service.port) as client:
        await client.send(HEAD, b"X-Endless: ")
        sending = asyncio.create_task(client.send_without_end(b"a" * 65536))
        response = await client.response()
        async with asyncio.timeout(DEADLINE_SECONDS):
            await sending
    assert response[0] == b"HTTP/1.1 431 Request Header Fields Too Large"
    assert problem_of(response)["type"] == "urn:paper:problem:head_too_large"
    await service.responds("/response", "first")
    assert problem_of(response)["request_id"] in service.stdout
    assert service.stderr == ""


@pytest.mark.parametrize("size", [MAX_BYTES, MAX_BYTES + 1])
@pytest.mark.parametrize("step", [1000, 10 * MAX_BYTES], ids=["in parts", "at once"])
async def test_a_head_has_64_kib_at_most(
    size: int, step: int, connect: Connect, logged: Logged
) -> None:
    filler = b"a" * (size - len(HEAD) - len(b"X-Long: \r\n\r\n"))
    head = HEAD + b"X-Long: " + filler + b"\r\n\r\n"
    assert len(head) == size
    async with connect() as client:
        await client.send(*(head[n : n + step] for n in range(0, size, step)))
        response = await client.response()
        if size <= MAX_BYTES:
            assert response[0] == b"HTTP/1.1 200 OK"
            return
        assert await client.rest() == b""
    assert response[0] == b"HTTP/1.1 431 Request Header Fields Too Large"
    problem = problem_of(response)
    assert problem == {
        "type": "urn:paper:problem:head_too_large",
        "title": "Request head too large",
        "status": 431,
        "detail": "The head of the request is larger than 65536 bytes. Send fewer or shorter headers.",
        "instance": "",
        "request_id": problem["request_id"],
        "limit": 65536,
    }
    (line,) = logged()
    assert line["message"] == "refused a request: Request head too large"
    assert (line["status"], line["client"]) == (431, "127.0.0.1")
    assert line["request_id"] == problem["request_id"]


@pytest.mark.parametrize(
    ("beginning", "endless"),
    [
        (b"GET /", b"a"),
        (HEAD, b"X-Short: a\r\n"),
        (HEAD + b"X-", b"a"),
        (b"", b"\r\n"),
        (HEAD + b"\r\n" + HEAD, b"X-Short: a\r\n"),
    ],
    ids=["path", "headers", "name", "empty lines", "second request"],
)
async def test_every_part_of_a_head_is_limited(
    beginning: bytes, endless: bytes, connect: Connect
) -> None:
    async with connect() as client:
        await client.send(beginning)
        if HEAD + b"\r\n" in beginning:
            assert (await client.response())[0] == b"HTTP/1.1 200 OK"
        sending = asyncio.create_task(client.send_without_end(endless * 1000))
        assert problem_of(await client.response())["status"] == 431
        await sending


async def test_bytes_that_are_not_http_are_refused_once(connect: Connect, logged: Logged) -> None:
    async with connect() as client:
        await client.send(b"\0" * MAX_BYTES)
        assert (await client.response())[0] == b"HTTP/1.1 400 Bad Request"
        with suppress(
            ConnectionError
        ):  # the connection is reset if the server had not read everything
            assert await client.rest() == b""
    assert [line["message"] for line in logged()] == ["refused a request: Malformed request"]


@pytest.mark.parametrize(
    ("beginning", "endless"),
    [(b"5;a=", b"a"), (b"5\r\nhello\r\n0\r\n", b"X-Short: a\r\n")],
    ids=["head of a chunk", "trailers"],
)
async def test_chunk_heads_and_trailers_are_limited(
    beginning: bytes, endless: bytes, connect: Connect, app: LengthApp
) -> None:
    async with connect() as client:
        await client.send(CHUNKED, beginning)
        sending = asyncio.create_task(client.send_without_end(endless * 1000))
        problem = problem_of(await client.response())
        assert (problem["status"], problem["instance"]) == (431, "/cats")
        await sending
        async with asyncio.timeout(DEADLINE_SECONDS):
            await app.ended.wait()
        assert await client.rest() == b""
    assert app.messages[-1] == "http.disconnect"


@pytest.mark.parametrize(
    "endless",
    [
        b"POST /stream HTTP/1.1\r\nHost: cats\r\nTransfer-Encoding: chunked\r\n\r\n5;a=",
        b"GET /stream HTTP/1.1\r\nHost: cats\r\n\r\nGET /",
    ],
    ids=["its own body", "the next head"],
)
async def test_a_response_in_progress_breaks_off_without_a_second_response(
    endless: bytes, connect: Connect, app: LengthApp
) -> None:
    async with connect() as client:
        await client.send(endless)
        async with asyncio.timeout(DEADLINE_SECONDS):
            begun = await client.reader.readuntil(b"5\r\nbegun\r\n")
        assert begun.startswith(b"HTTP/1.1 200 OK")
        sending = asyncio.create_task(client.send_without_end(b"a" * 1000))
        with suppress(
            ConnectionError
        ):  # the connection is reset if the server had not read everything
            assert await client.rest() == b""
        await sending
    app.may_end.set()


async def test_bodies_and_many_requests_at_once_are_not_counted(connect: Connect) -> None:
    size = 5 * MAX_BYTES
    async with connect() as client:
        await client.send(
            b"POST /cats HTTP/1.1\r\nHost: cats\r\nContent-Length: %d\r\n\r\n" % size, b"a" * size
        )
        assert (await client.response())[2] == b"%d" % size
        await client.send(CHUNKED, b"5;a=a\r\nhello\r\n" * MAX_BYTES, b"0\r\nX-Short: a\r\n\r\n")
        assert (await client.response())[2] == b"%d" % size
        requests = MAX_BYTES // len(HEAD) * 3
        await client.send((HEAD + b"\r\n") * requests)
        assert {(await client.response())[0] for _ in range(requests)} == {b"HTTP/1.1 200 OK"}


@pytest.mark.parametrize(
    "half", [b"G", HEAD, b"\r\n"], ids=["a letter", "headers", "an empty line"]
)
@pytest.mark.parametrize("earlier", [b"", HEAD + b"\r\n"], ids=["first", "second"])
async def test_an_incomplete_head_has_a_time_limit(
    earlier: bytes, half: bytes, connect: Connect, hurried: float, logged: Logged
) -> None:
    async with connect() as client:
        await client.send(earlier)
        if earlier:
            await client.response()
        await client.send(half)
        response = await client.response()
        assert await client.rest() == b""
    assert response[0] == b"HTTP/1.1 408 Request Timeout"
    problem = problem_of(response)
    assert problem["type"] == "urn:paper:problem:head_too_slow"
    assert problem["detail"] == (
        "The head of the request did not arrive within 0.5 seconds. Send it faster."
    )
    (line,) = logged()
    assert line["message"] == "refused a request: Request timeout"


async def test_an_incomplete_head_after_a_complete_request_has_a_time_limit(
    connect: Connect, hurried: float
) -> None:
    async with connect() as client:
        await client.send(HEAD + b"\r\n" + HEAD)
        assert (await client.response())[0] == b"HTTP/1.1 200 OK"
        assert (await client.response())[0] == b"HTTP/1.1 408 Request Timeout"


async def test_a_silent_connection_is_closed_without_a_response(
    connect: Connect, hurried: float, logged: Logged
) -> None:
    async with connect() as client:
        assert await client.rest() == b""
    assert logged() == []


async def test_slow_bodies_and_idle_connections_have_separate_limits(
    connect: Connect, hurried: float
) -> None:
    async with connect() as client:
        await client.send(b"POST /cats HTTP/1.1\r\nHost: cats\r\nContent-Length: 4\r\n\r\n")
        for letter in (b"c", b"a", b"t", b"s"):
            # slow on purpose: a body takes twice as long as a head may
            await asyncio.sleep(hurried / 2)
            await client.send(letter)
        assert (await client.response())[2] == b"4"
        # slow on purpose: the connection idles for longer than a head may take
        await asyncio.sleep(hurried * 2)
        await client.send(HEAD, b"\r\n")
        assert (await client.response())[0] == b"HTTP/1.1 200 OK"


async def test_a_response_may_be_slow_even_with_an_incomplete_next_head(
    connect: Connect, hurried: float, app: LengthApp
) -> None:
    async with connect() as client:
        await client.send(b"GET /stream HTTP/1.1\r\nHost: cats\r\n\r\n", HEAD)
        # slow on purpose: the response begins, and takes longer than a head may
        await asyncio.sleep(hurried * 3)
        app.may_end.set()
        async with asyncio.timeout(DEADLINE_SECONDS):
            await client.reader.readuntil(b"5\r\nended\r\n0\r\n\r\n")
        await client.send(b"\r\n")
        assert (await client.response())[0] == b"HTTP/1.1 200 OK"
