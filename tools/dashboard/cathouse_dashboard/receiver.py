"""`POST /v1/traces`: the address that `OTEL_EXPORTER_OTLP_ENDPOINT` leads to."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cathouse_dashboard.collect.otlp import (
    BadPayload,
    PayloadTooLarge,
    decode,
    response,
    unpack,
)
from cathouse_dashboard.store.writer import Writer

PATH = "/v1/traces"
MAX_BODY_BYTES = 8 * 1024 * 1024
"""As it is sent."""
MAX_UNPACKED_BYTES = 32 * 1024 * 1024
TOO_LARGE = "an export request was too large"
BROKEN = "an export request was not OTLP"
# Of requests that are being decoded: each may take some multiples of its size.
_AT_A_TIME = 2


class Receiver:
    """Accepts spans. It responds before they are on disk, and never makes an exporter wait for the disk."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._decoding = asyncio.Semaphore(_AT_A_TIME)

    def route(self) -> Route:
        return Route(PATH, self._receive, methods=["POST"])

    async def _receive(self, request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        async with self._decoding:
            try:
                body = await _read(request)
                encoding = request.headers.get("content-encoding", "").strip().lower()
                unpacked = await asyncio.to_thread(unpack, body, encoding, MAX_UNPACKED_BYTES)
                spans = await asyncio.to_thread(decode, unpacked, media_type)
            except PayloadTooLarge:
                self._writer.lose(1, TOO_LARGE)
                return Response(f"at most {MAX_UNPACKED_BYTES} bytes are accepted", 413)
            except BadPayload as error:
                self._writer.lose(1, BROKEN)
                return Response(str(error), 400)
        # A refusal by 429 or 503 would have the exporter keep the spans, and send them again: it is full here.
        accepted = self._writer.add_spans(spans, len(unpacked))
        rejected, message = (
            (0, "") if accepted else (len(spans), "the dashboard cannot write as fast")
        )
        return Response(response(media_type, rejected, message), media_type=media_type)


async def _read(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise PayloadTooLarge
        parts.append(part)
    return b"".join(parts)
