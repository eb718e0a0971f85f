"""Malicious cats: each call ends in time, with a problem or a closed connection, and the audit records the outcome."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from cathouse_proxy.services.exchange.exchange import Limits
from fastapi import FastAPI

from .support import (
    FakePlatform,
    Remake,
    Rows,
    Script,
    ScriptedCat,
    ended,
    exchange,
    request_bytes,
    served,
    status_of,
)

HEAD = b"HTTP/1.1 200 OK\r\n"


def after_the_request(action: Callable[[asyncio.StreamWriter], object]) -> Script:
    """Return a script that reads a request, then runs `action`, and awaits its result if needed."""

    async def script(
        _: ScriptedCat, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        result = action(writer)
        if asyncio.iscoroutine(result):
            await result

    return script


async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send single bytes with pauses until the other side closes the connection."""
    for byte in data:
        writer.write(bytes([byte]))
        await writer.drain()
        # slow on purpose: the cat sends until it exceeds a time limit
        await asyncio.sleep(0.02)


def write(answer: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(answer)


BROKEN = {
    "no HTTP": b"hello\r\n\r\n",
    "HTTP/0.9": b"<html>hello</html>",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a request": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "no status": b"HTTP/1.1 \r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a status below 100": b"HTTP/1.1 099 No\r\n\r\n",
    "a status above 599": b"HTTP/1.1 600 What\r\nContent-Length: 0\r\n\r\n",
    "a status of 999": b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n",
    "another protocol, switched to": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\n\r\n",
    "lengths that differ": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a length twice": HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
    "a negative length": HEAD + b"Content-Length: -5\r\n\r\nhello",
    "a length in hex": HEAD + b"Content-Length: 0x5\r\n\r\nhello",
    "a signed length": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "a huge length": HEAD + b"Content-Length: 99999999999999999999999\r\n\r\nhello",
    "a length and chunks": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n0\r\n\r\n",
    "chunks and a length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
    b"5\r\nhello\r\n0\r\n\r\n",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n0\r\n\r\n",
    "chunked and more": HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "another coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\nhello",
    "a hidden coding": HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a NUL in a header": HEAD + b"X-A: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a CR in a header": HEAD + b"X-A: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n",
    "a header without a name": HEAD + b": a\r\nContent-Length: 0\r\n\r\n",
    "a header without a colon": HEAD + b"nonsense\r\nContent-Length: 0\r\n\r\n",
    "a space before a colon": HEAD + b"Content-Length : 0\r\n\r\n",
    "a large header": HEAD + b"X-A: " + b"a" * 20_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "many headers": HEAD + b"X-A: a\r\n" * 2000 + b"Content-Length: 0\r\n\r\n",
    "less than announced": HEAD + b"Content-Length: 100\r\n\r\nhello",
    "nothing": b"",
    "half a head": HEAD + b"Content-Le",
}


@pytest.fixture
async def port(app: FastAPI, remake: Remake, emptied: None) -> object:
    """The port of the app with the usual time limits, and small size limits."""
    remake(limits=Limits(100_000, 200_000))
    async with served(app) as port:
        yield port


@pytest.fixture
async def quick_port(app: FastAPI, remake: Remake, emptied: None) -> object:
    """The port of the app with a tenth of the usual time limits, and small size limits."""
    remake(limits=Limits(100_000, 200_000, first_byte_seconds=0.3, total_seconds=0.8))
    async with served(app) as port:
        yield port


async def test_invalid_responses_become_problems(
    port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    outcomes = {}
    for name, answer in BROKEN.items():
        # Another cat each time, so that none is cut off.
        another = FakePlatform(platform.fake_services, cat.url)
        cat.script = after_the_request(partial(write, answer))
        received = await exchange(port, request_bytes(another, f"GET {another.path()}"))
        outcomes[name] = (status_of(received), b"cat_answer_broken" in received)
    assert outcomes == dict.fromkeys(BROKEN, (502, True))
    assert {(row["status"], row["outcome"]) for row in await rows()} == {(502, "cat_answer_broken")}


@pytest.mark.parametrize(
    "action",
    [
        lambda writer: asyncio.Event().wait(),
        lambda writer: drip(writer, HEAD + b"X-Slow: " + b"a" * 200),
        lambda writer: drip(writer, b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
    ],
    ids=["silence", "a head in drops", "endless promises"],
)
async def test_the_wait_for_a_missing_head_is_limited(
    action: Callable[[asyncio.StreamWriter], object],
    quick_port: int,
    platform: FakePlatform,
    cat: ScriptedCat,
    rows: Rows,
) -> None:
    cat.script = after_the_request(action)
    answer = await exchange(quick_port, request_bytes(platform, f"GET {platform.path()}"))
    assert status_of(answer) == 504
    assert b"cat_timed_out" in answer
    assert [(row["status"], row["outcome"]) for row in await rows()] == [(504, "cat_timed_out")]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        # A short response is read whole before anything is sent, so the caller can get a problem instead.
        (b"Content-Length: 1000", 504),
        (b"Content-Length: 100000", 200),
        (b"X-Until: the end of the connection", 200),
    ],
)
async def test_the_time_of_a_dripping_body_is_limited(
    head: bytes, status: int, quick_port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    async def slowly(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + head + b"\r\n\r\n")
        await drip(writer, b"a" * 1000)

    cat.script = after_the_request(slowly)
    request = request_bytes(platform, f"GET {platform.path()}", "Connection: close")
    answer = await exchange(quick_port, request, until_closed=True)
    [row] = await ended(rows)
    assert (row["status"], row["outcome"]) == (status, "cat_timed_out")
    assert row["duration_ms"] > 700
    assert status_of(answer) == status
    assert not answer.endswith(b"0\r\n\r\n")


async def test_a_header_in_several_lines_is_forwarded_in_one(
    port: int, platform: FakePlatform, cat: ScriptedCat
) -> None:
    cat.answer = HEAD + b"X-Cat-A: a\r\n Set-Cookie: b\r\nContent-Length: 0\r\n\r\n"
    answer = await exchange(port, request_bytes(platform, f"GET {platform.path()}"))
    [line] = [line for line in answer.split(b"\r\n") if line.startswith(b"x-cat-a:")]
    assert line.split() == [b"x-cat-a:", b"a", b"Set-Cookie:", b"b"]
    assert b"\nset-cookie" not in answer.lower()


async def test_an_endless_body_is_cut_off_at_the_limit(
    port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    sent = 0

    async def endlessly(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        nonlocal sent
        while True:
            writer.write(b"1000\r\n" + b"a" * 4096 + b"\r\n")
            await writer.drain()
            sent += 4096

    cat.script = after_the_request(endlessly)
    answer = await exchange(
        port, request_bytes(platform, f"GET {platform.path()}"), until_closed=True
    )
    assert status_of(answer) == 200
    assert not answer.endswith(b"0\r\n\r\n")
    assert len(answer) <= 210_000 < sent
    [row] = await ended(rows)
    assert (row["status"], row["outcome"]) == (200, "cat_answer_too_large")


async def test_a_response_with_a_too_large_length_is_refused_at_once(
    port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    cat.script = after_the_request(
        lambda writer: writer.write(HEAD + b"Content-Length: 104857600\r\n\r\n" + b"a" * 1000)
    )
    answer = await exchange(port, request_bytes(platform, f"GET {platform.path()}"))
    assert status_of(answer) == 502
    assert b"cat_answer_too_large" in answer
    assert [row["outcome"] for row in await rows()] == ["cat_answer_too_large"]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Length: 150000", b"a" * 70_000),
        (b"Transfer-Encoding: chunked", b"11170\r\n" + b"a" * 70_000 + b"\r\n"),
        (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n"),
        (b"Transfer-Encoding: chunked", b"5\r\nhello\r\nzz\r\n"),
        (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n-1\r\n"),
        (b"Transfer-Encoding: chunked", b"5\r\nhello\r\nffffffffffffffffff\r\n"),
        (b"Transfer-Encoding: chunked", b"5\r\nhello there\r\n0\r\n\r\n"),
    ],
)
async def test_a_lost_connection_to_the_cat_closes_the_callers_connection(
    head: bytes, body: bytes, port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    continue_ = asyncio.Event()

    async def cut(writer: asyncio.StreamWriter) -> None:
        # The first part must be on its way to the caller before the connection breaks.
        writer.write(HEAD + head + b"\r\n\r\n" + body[:8])
        await writer.drain()
        async with asyncio.timeout(60):
            await continue_.wait()
        writer.write(body[8:])

    cat.script = after_the_request(cut)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes(platform, f"GET {platform.path()}"))
    async with asyncio.timeout(60):
        answer = await reader.readuntil(b"\r\n\r\n")
        [row] = await rows()
        assert (row["status"], row["outcome"], row["duration_ms"]) == (200, "answering", None)
        continue_.set()
        answer += await reader.read()
    writer.close()
    assert status_of(answer) == 200
    assert not answer.endswith(b"0\r\n\r\n")
    [row] = await ended(rows)
    assert (row["status"], row["outcome"]) == (200, "cat_answer_broken")


async def test_bytes_after_a_response_are_not_part_of_the_next_response(
    port: int, platform: FakePlatform, cat: ScriptedCat
) -> None:
    smuggled = HEAD + b"Content-Length: 4\r\n\r\nevil"
    cat.answer = HEAD + b"Content-Length: 5\r\n\r\nhello" + smuggled
    for _ in range(3):
        answer = await exchange(port, request_bytes(platform, f"GET {platform.path()}"))
        assert answer.endswith(b"hello")
    # The proxy does not reuse the connection.
    assert cat.connections == 3


async def test_an_early_response_ends_an_upload(
    port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    cat.script = after_the_request(
        lambda writer: writer.write(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
    )
    request = request_bytes(
        platform, f"POST {platform.path()}", "Content-Length: 100000", body=b"a" * 1000
    )
    answer = await exchange(port, request)
    assert status_of(answer) == 413
    assert answer.endswith(b"no")
    assert [(row["status"], row["outcome"]) for row in await rows()] == [(413, "answered")]


async def test_an_upload_that_the_cat_does_not_read_ends_in_time(
    quick_port: int, platform: FakePlatform, cat: ScriptedCat, rows: Rows
) -> None:
    cat.script = after_the_request(lambda writer: asyncio.Event().wait())
    request = request_bytes(
        platform, f"POST {platform.path()}", "Content-Length: 100000", body=b"a" * 100_000
    )
    answer = await exchange(quick_port, request)
    assert status_of(answer) == 504
    assert [row["outcome"] for row in await rows()] == ["cat_timed_out"]


async def test_a_caller_who_is_slow_is_not_the_cats_fault(
    app: FastAPI,
    remake: Remake,
    emptied: None,
    platform: FakePlatform,
    cat: ScriptedCat,
    rows: Rows,
) -> None:
    # On a busy machine, connecting to the cat may take a second: the caller has to be waited for longer than that.
    remake(limits=Limits(100_000, 200_000, total_seconds=3))
    request = request_bytes(
        platform, f"POST {platform.path()}", "Content-Length: 100", body=b"slow"
    )
    async with served(app) as port:
        answer = await exchange(port, request)
    assert status_of(answer) == 408
    assert [row["outcome"] for row in await rows()] == ["caller_too_slow"]
