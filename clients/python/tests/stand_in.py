"""A stand-in for the platform: it records requests, and responds as a test says."""

import json
from collections.abc import Callable
from typing import Any

import httpx

REQUEST_ID = "0d4f3c1e9b7a4f5d8c6b2a1908f7e6d5"
PERSON = {
    "id": "0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4e",
    "email": "ada@example.com",
    "display_name": "Ada",
    "role": "player",
    "is_active": True,
    "created_at": "2026-11-01T10:00:00Z",
    "updated_at": "2026-11-01T10:00:00Z",
}


def tokens(number: int, expires_in: int = 900) -> dict[str, Any]:
    return {
        "access_token": f"access-{number}",
        "refresh_token": f"refresh-{number}",
        "token_type": "bearer",
        "expires_in": expires_in,
    }


def problem(
    status: int, code: str, headers: dict[str, str] | None = None, **more: Any
) -> httpx.Response:
    body = {
        "type": f"urn:cathouse:problem:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": "It is so.",
        "instance": "/api/v1/…",
        "request_id": REQUEST_ID,
        **more,
    }
    headers = {"Content-Type": "application/problem+json", **(headers or {})}
    return httpx.Response(status, content=json.dumps(body), headers=headers)


class StandIn(httpx.MockTransport):
    """Serves CatHouse and AsyncCatHouse alike. `respond` gets what is neither a sign-in nor a refresh."""

    def __init__(self, respond: Callable[[httpx.Request], httpx.Response]) -> None:
        super().__init__(self._route)
        self._respond = respond
        self.requests: list[httpx.Request] = []
        self.bearers: list[str] = []
        """The token of each request: a repeated one is the same object."""
        self.refreshes = 0
        self.expires_in = 900
        self.refusal: httpx.Response | None = None

    def _route(self, request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/api/v1/auth/login":
                return httpx.Response(200, json=tokens(0, self.expires_in))
            case "/api/v1/auth/refresh":
                self.refreshes += 1
                return self.refusal or httpx.Response(200, json=tokens(self.refreshes))
        self.requests.append(request)
        self.bearers.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
        return self._respond(request)
