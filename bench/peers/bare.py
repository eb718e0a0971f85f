"""An ASGI app and nothing else. It is also the cat that proxied calls reach."""

from typing import Any

_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"20")]


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": b'{"status":"healthy"}'})
