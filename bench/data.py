"""The data that the measured services hold: people, 200 cats, one installation."""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx

from bench.processes import Machine

CATS = 200
_SUBJECTS = ("Garden", "Kitchen", "Budget", "Travel", "Music", "Weather", "Reading", "Workout")
_SCOPE = {
    "name": "tasks:read",
    "description": "Read the tasks",
    "required": True,
    "routes": [{"methods": ["GET"], "path": "/tasks"}],
}


@dataclass(frozen=True)
class BenchData:
    email: str
    password: str
    token: str
    """A player's access token."""
    installation: str
    credential: str


def populate(machine: Machine, cat_url: str) -> BenchData:
    """Create it over HTTP; calls through its installation reach `cat_url`."""
    with httpx.Client(timeout=30, trust_env=False) as client:
        password = secrets.token_urlsafe(18)

        def send(service: str, path: str, token: str | None = None, **content: Any) -> Any:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            url = f"{machine.url(service)}/api/v1/{path}"
            response = client.post(url, headers=headers, **content)
            if not response.is_success:
                raise SystemExit(f"bench: POST {url}: {response.status_code} {response.text}")
            return response.json()

        def sign_in(email: str) -> str:
            form = {"username": email, "password": password}
            token: str = send("auth", "auth/login", data=form)["access_token"]
            return token

        def register(role: str) -> str:
            email = f"{role}@example.com"
            person = {"email": email, "password": password, "display_name": role, "role": role}
            send("auth", "auth/register", json=person)
            return sign_in(email)

        developer, player = register("developer"), register("player")
        command = ("create-admin", "--email", "admin@example.com")
        machine.command("auth", *command, typed=f"{password}\n")
        admin = sign_in("admin@example.com")
        for number in range(CATS):
            subject = _SUBJECTS[number % len(_SUBJECTS)]
            manifest = {
                "name": f"{subject} Keeper {number}",
                "tagline": f"Keeps what your {subject.lower()} needs",
                "description": f"Number {number} of many. "
                + "It does one thing and does it well. " * 8,
                "category": "productivity",
                "endpoint_url": cat_url,
                "scopes": [_SCOPE],
            }
            cat = send("catalog", "catalog/cats", developer, json=manifest)["id"]
            send("catalog", f"catalog/cats/{cat}/submit", developer)
            send("catalog", f"catalog/cats/{cat}/approve", admin)
        adoption = {"cat_id": cat, "granted_scopes": [_SCOPE["name"]]}
        adopted = send("installation", "installations", player, json=adoption)
    return BenchData(
        email="player@example.com",
        password=password,
        token=player,
        installation=adopted["installation"]["id"],
        credential=adopted["credential"],
    )
