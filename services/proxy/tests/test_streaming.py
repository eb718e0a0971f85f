"""Bodies stream in both directions, and large bodies do not increase the memory of the proxy."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from cathouse_kit.testing import eventually
from cathouse_proxy.settings import Settings

from .support import (
    FakePlatform,
    Rows,
    ScriptedCat,
    ended,
    other_services,
    request_bytes,
    server_process,
    status_of,
)

MEGABYTE = 1024 * 1024


async def test_the_first_part_of_a_response_arrives_before_the_cat_has_sent_the_second(
    port: int, platform: FakePlatform, cat: ScriptedCat
) -> None:
    arrived = asyncio.Event()

    async def in_parts(
        _: ScriptedCat, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await arrived.wait()
        writer.write(b"6\r\nsecond\r\n0\r\n\r\n")

    cat.script = in_parts
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes(platform, f"GET {platform.path()}"))
    async with asyncio.timeout(5):
        await reader.readuntil(b"first\r\n")
        arrived.set()
        assert await reader.readuntil(b"0\r\n\r\n") == b"6\r\nsecond\r\n0\r\n\r\n"
    writer.close()


async def test_the_cat_gets_the_first_part_of_a_body_before_the_caller_has_sent_the_second(
    port: int, platform: FakePlatform, cat: ScriptedCat
) -> None:
    arrived = asyncio.Event()

    async def in_parts(
        _: ScriptedCat, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"first")
        arrived.set()
        await reader.readuntil(b"second\r\n0\r\n\r\n")
        writer.write(cat.OK)

    cat.script = in_parts
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = request_bytes(platform, f"POST {platform.path()}", "Transfer-Encoding: chunked")
    writer.write(head + b"5\r\nfirst\r\n")
    async with asyncio.timeout(5):
        await arrived.wait()
        writer.write(b"6\r\nsecond\r\n0\r\n\r\n")
        assert status_of(await reader.readuntil(b"\r\n\r\n")) == 200
    writer.close()


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_beyond_the_limit_is_stopped_while_it_streams(
    announced: bool,
    port: int,
    platform: FakePlatform,
    cat: ScriptedCat,
    settings: Settings,
    rows: Rows,
) -> None:
    taken = 0

    async def take(
        _: ScriptedCat, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal taken
        while part := await reader.read(MEGABYTE):
            taken += len(part)

    cat.script = take
    limit = settings.proxy_max_request_bytes
    framing = f"Content-Length: {limit + 1}" if announced else "Transfer-Encoding: chunked"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes(platform, f"POST {platform.path()}", framing))

    async def send() -> None:
        part = b"a" * 65536 if announced else b"10000\r\n" + b"a" * 65536 + b"\r\n"
        for _ in range(limit // 65536 + 16):
            writer.write(part)
            await writer.drain()

    sending = asyncio.create_task(send())
    async with asyncio.timeout(10):
        answer = await reader.readuntil(b"\r\n\r\n")
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    writer.close()
    assert status_of(answer) == 413
    [row] = await ended(rows)
    assert (row["status"], row["outcome"]) == (413, "body_too_large")
    assert taken <= limit + MEGABYTE
    assert (taken == 0) is announced


async def test_a_caller_who_does_not_read_makes_the_cat_wait(
    port: int, platform: FakePlatform, cat: ScriptedCat
) -> None:
    sent = 0

    async def flood(
        _: ScriptedCat, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"a" * 65536 + b"\r\n")
            await writer.drain()
            sent += 65536

    cat.script = flood
    _reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65536)
    writer.write(request_bytes(platform, f"GET {platform.path()}"))
    await eventually("the cat to send", lambda: sent)
    # The cat sends until the buffers between it and the caller are full, and then stops. Their size depends on the
    # operating system.
    before = -1
    while before != sent:
        before = sent
        await asyncio.sleep(0.2)
    assert sent < 25 * MEGABYTE
    writer.close()


def resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("direction", ["down", "up"])
async def test_memory_stays_flat_while_200_megabytes_stream_through(
    direction: str,
    settings: Settings,
    platform: FakePlatform,
    cat: ScriptedCat,
    emptied: None,
    tmp_path: Path,
) -> None:
    size = 200 * MEGABYTE

    async def stream(
        _: ScriptedCat, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if direction == "down":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for _part in range(200):
                writer.write(bytes(MEGABYTE))
                await writer.drain()
        else:
            taken = 0
            while taken < size:
                taken += len(await reader.read(MEGABYTE))
            writer.write(cat.OK)

    async with (
        other_services(platform.fake_services) as peers,
        server_process(settings, peers, tmp_path) as (process, port),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        client.headers.update(platform.headers)
        cat.answer = b"HTTP/1.1 204 None\r\nConnection: close\r\n\r\n"
        assert (await client.get(platform.path())).status_code == 204
        cat.script = stream
        before = highest = resident_bytes(process.pid)
        passed = 0
        if direction == "down":
            async with client.stream("GET", platform.path()) as response:
                assert response.status_code == 200
                async for part in response.aiter_raw():
                    passed += len(part)
                    highest = max(highest, resident_bytes(process.pid))
        else:

            async def watched() -> AsyncIterator[bytes]:
                nonlocal passed, highest
                for _part in range(200):
                    yield bytes(MEGABYTE)
                    passed += MEGABYTE
                    highest = max(highest, resident_bytes(process.pid))

            response = await client.post(
                platform.path(), content=watched(), headers={"Content-Length": str(size)}
            )
            assert response.status_code == 200
    assert passed == size
    assert highest - before < 16 * MEGABYTE
