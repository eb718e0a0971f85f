"""A real server refuses bytes that are no request, or that could be read as two requests."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from cathouse_kit.problems import MEDIA_TYPE
from cathouse_kit.testing import free_port, wait_until
from hypothesis import given, settings
from hypothesis import strategies as st

from ..contracts.test_openapi_descriptions import SOME
from .conftest import Count

HOST = b"Host: cathouse.test\r\n"
GET = b"GET /health HTTP/1.1\r\n"
POST = b"POST /health HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
SMUGGLED = b"smuggled-request-id"
# If a server thinks that the first request ends too early, it responds to this one, with its path.
NEXT = GET + HOST + b"Connection: close\r\nX-Request-ID: " + SMUGGLED + b"\r\n\r\n"
# Far longer than any response takes. The kit waits at most 10 s for the head of a request.
_SECONDS = 60.0

REFUSED = {
    # RFC 9112, section 6.
    "a length and chunks": CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
    "a list of lengths": POST + b"Content-Length: 1, 2\r\n\r\na",
    "a length with a sign": POST + b"Content-Length: +1\r\n\r\na",
    "a length in hexadecimal": POST + b"Content-Length: 0x1\r\n\r\na",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a length beyond 64 bits": POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks inside of another coding": POST
    + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"POST /health HTTP/1.0\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    # Section 7.1.
    "a chunk whose size is no number": CHUNKED + b"\r\nzz\r\nab\r\n0\r\n\r\n",
    "a chunk whose size has a prefix": CHUNKED + b"\r\n0x2\r\nab\r\n0\r\n\r\n",
    "a chunk whose size is beyond 64 bits": CHUNKED + b"\r\n" + b"f" * 17 + b"\r\nab\r\n0\r\n\r\n",
    "a chunk that is longer than it says": CHUNKED + b"\r\n1\r\nabc\r\n0\r\n\r\n",
    # Section 5.
    "a space before a colon": GET + HOST + b"Content-Length : 0\r\n\r\n",
    "a folded line": GET + HOST + b"X-Folded: a\r\n b\r\n\r\n",
    "a line without a colon": GET + HOST + b"nothing\r\n\r\n",
    "an empty name": GET + HOST + b": a\r\n\r\n",
    "a NUL in a value": GET + HOST + b"X-Nul: a\0b\r\n\r\n",
    "a bare CR in a value": GET + HOST + b"X-Cr: a\rX-Other: b\r\n\r\n",
    # Section 3.
    "no host": GET + b"\r\n",
    "two hosts": GET + HOST + b"Host: other.test\r\n\r\n",
    "a host that is none": GET + b"Host: a b/c\r\n\r\n",
    "a space in the target": b"GET /health /health HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target beyond ASCII": b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n",
    "no version": b"GET /health\r\n\r\n",
    "an unknown version": b"GET /health HTTP/9.9\r\n" + HOST + b"\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    "TLS": bytes.fromhex("16030100a5010000a10303") + bytes(200),
    "HTTP/2 from the start": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a large head": GET + HOST + b"X-Large: " + b"a" * 70_000 + b"\r\n\r\n",
}

TRAILERS = (
    b"X-Request-ID: trailer-request-id",
    b"x-request-id: trailer-request-id\r\nX-Forwarded-For: 203.0.113.9",
    b"Authorization: Bearer a.b.c\r\nX-Request-ID: trailer-request-id",
    b"Content-Length: 5\r\nX-Request-ID: trailer-request-id",
    b"Transfer-Encoding: chunked\r\nX-Request-ID: trailer-request-id",
    b"Host: other.test\r\nX-Request-ID: trailer-request-id",
)


@pytest.fixture(scope="module")
def port(
    database_urls: dict[str, str], service_token: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """Start one service, and yield its port. One is enough, because the kit reads the requests of all."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "DATABASE_URL": database_urls["catalog"],
        "SERVICE_TOKEN": service_token,
    }
    folder = tmp_path_factory.mktemp("server")
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "cathouse_catalog", "serve"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            wait_until("the server", lambda: process.poll() is not None or alive(port), 300)
            assert process.poll() is None, (folder / "log").read_text()
            yield port
        finally:
            process.kill()


def test_bytes_that_are_no_request_are_refused_and_the_next_ones_are_not_read(
    port: int, count: Count
) -> None:
    failures = {}
    for name, shape in REFUSED.items():
        count()
        said = exchange(port, shape + NEXT)
        statuses = statuses_in(said)
        if statuses and not all(400 <= status < 600 and status != 500 for status in statuses):
            failures[name] = f"{statuses}"
        elif SMUGGLED in said:
            failures[name] = "the next request was read as one"
        elif statuses and MEDIA_TYPE.encode() not in said:
            failures[name] = f"{statuses} in other terms: {said[-100:]!r}"
    assert failures == {}
    assert alive(port)


@pytest.mark.parametrize("trailer", TRAILERS)
def test_a_trailer_is_no_header(port: int, count: Count, trailer: bytes) -> None:
    count()
    said = exchange(
        port, CHUNKED + b"Connection: close\r\n\r\n1\r\na\r\n0\r\n" + trailer + b"\r\n\r\n"
    )
    assert len(statuses_in(said)) == 1
    assert b"trailer-request-id" not in said


def test_requests_in_one_packet_get_responses_in_order(port: int, count: Count) -> None:
    count()
    ids = [b"pipelined-%03d" % number for number in range(50)]
    requests = [GET + HOST + b"X-Request-ID: " + each + b"\r\n\r\n" for each in ids]
    said = exchange(
        port, b"".join(requests[:-1]) + requests[-1][:-2] + b"Connection: close\r\n\r\n"
    )
    assert re.findall(rb"x-request-id: (\S+)", said, re.IGNORECASE) == ids


def test_damaged_requests_neither_fail_nor_end_the_server(port: int, count: Count) -> None:
    whole = CHUNKED + b"X-A: b\r\nAccept: */*\r\n\r\n3\r\nabc\r\n0\r\nX-T: t\r\n\r\n"

    @settings(SOME, max_examples=100)
    @given(
        at=st.integers(0, len(whole)),
        instead=st.binary(max_size=8) | st.sampled_from([b"\r\n", b"\n", b"\r", b"\0", b": "]),
        gone=st.integers(0, 12),
    )
    def damage(at: int, instead: bytes, gone: int) -> None:
        count()
        said = exchange(port, whole[:at] + instead + whole[at + gone :], end=True)
        assert all(status < 500 or status in (501, 505) for status in statuses_in(said)), said

    damage()
    assert alive(port)


def exchange(port: int, data: bytes, *, end: bool = False) -> bytes:
    """Send data. Return all bytes that the server sends until it closes the connection.

    `end` closes our side after the data, so that the server does not wait for the rest of a request.
    """
    said = b""
    with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as connection:
        try:
            connection.sendall(data)
            if end:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                said += part
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server has refused before it read everything
    return said


def statuses_in(said: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d+)", said, re.MULTILINE)]


def alive(port: int) -> bool:
    try:
        return statuses_in(exchange(port, GET + HOST + b"Connection: close\r\n\r\n")) == [200]
    except ConnectionRefusedError:
        return False
