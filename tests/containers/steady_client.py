"""Send a steady load of calls, with one retry on connection errors. Print the counts as JSON every second.

Half of the calls use kept connections, like pools. The other half open a connection each, like new callers.
"""

import asyncio
import collections
import json
import time

import httpx

PER_SECOND = 25
PASSWORD = "correct horse battery staple"
AUTH = "http://auth:8005/api/v1/auth"
CATS = "http://catalog:8002/api/v1/catalog/cats"
INSTALLATIONS = "http://installation:8003/api/v1/installations"
PROXY = "http://proxy:8004/api/v1/proxy"
ADMIN = "admin@example.com"
# A response that does not come is not retried.
CONNECTION_ERRORS = (httpx.NetworkError, httpx.ConnectTimeout, httpx.RemoteProtocolError)
counts = collections.Counter({"made": 0, "retried": 0, "failed": 0})


def say(**facts: object) -> None:
    print(json.dumps({"at": time.time(), **facts}))


async def call(client: httpx.AsyncClient, method: str, url: str, **options: object) -> None:
    """Send one request of the load, and count it."""
    counts["made"] += 1
    for attempt in (1, 2):
        began = time.monotonic()
        try:
            answer = await client.request(method, url, **options)  # type: ignore[arg-type]
        except httpx.TransportError as error:
            say(url=url, attempt=attempt, error=repr(error), seconds=time.monotonic() - began)
            if attempt == 1 and isinstance(error, CONNECTION_ERRORS):
                counts["retried"] += 1
                continue
            counts["failed"] += 1
        else:
            if not answer.is_success:
                counts["failed"] += 1
                seconds = time.monotonic() - began
                say(url=url, status=answer.status_code, text=answer.text[:300], seconds=seconds)
        return


async def until_done(client: httpx.AsyncClient, method: str, url: str, **options: object) -> object:
    """Repeat a call until it succeeds, and return its body. The stack, or its admin, may not exist yet."""
    while True:
        try:
            answer = await client.request(method, url, **options)  # type: ignore[arg-type]
            if answer.is_success:
                return answer.json()
            say(waiting=url, status=answer.status_code)
        except httpx.TransportError as error:
            say(waiting=url, error=repr(error))
        await asyncio.sleep(7)  # below the limit of sign-ins of an account a minute


async def enter(client: httpx.AsyncClient, role: str) -> dict[str, str]:
    """Sign a person in. Register them first if that is possible over HTTP."""
    email = f"{role}@example.com"
    if email != ADMIN:
        person = {"email": email, "password": PASSWORD, "display_name": role, "role": role}
        await until_done(client, "POST", f"{AUTH}/register", json=person)
    return await sign_in(client, email)


async def sign_in(client: httpx.AsyncClient, email: str) -> dict[str, str]:
    form = {"username": email, "password": PASSWORD}
    tokens = await until_done(client, "POST", f"{AUTH}/login", data=form)
    return {"Authorization": f"Bearer {tokens['access_token']}"}  # type: ignore[index]


async def stay_signed_in(client: httpx.AsyncClient, player: dict[str, str]) -> None:
    """Renew the token in the player's headers. A token is valid for 15 minutes, and a slow machine needs longer."""
    while True:
        await asyncio.sleep(300)
        player.update(await sign_in(client, "player@example.com"))


async def adopted(client: httpx.AsyncClient, player: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Adopt a cat for the player. Return its address at the proxy, and the credential."""
    developer, admin = await enter(client, "developer"), await enter(client, "admin")
    routes = [{"methods": ["GET", "POST"], "path": "/tasks"}]
    scopes = [
        {"name": f"tasks:{name}", "description": name, "required": True, "routes": routes}
        for name in ("read", "write")
    ]
    manifest = {
        "name": "Task Keeper", "tagline": "Keeps tasks", "category": "productivity",
        "endpoint_url": "http://tasks:8010", "version": "1.0.0", "scopes": scopes,
    }  # fmt: skip
    cat = (await client.post(CATS, headers=developer, json=manifest)).raise_for_status().json()
    for who, what in ((developer, "submit"), (admin, "approve")):
        (await client.post(f"{CATS}/{cat['id']}/{what}", headers=who)).raise_for_status()
    wish = {"cat_id": cat["id"], "granted_scopes": ["tasks:read", "tasks:write"]}
    answer = await client.post(INSTALLATIONS, headers=player, json=wish)
    found = answer.raise_for_status().json()
    credential = {"Authorization": f"Bearer {found['credential']}"}
    return f"{PROXY}/{found['installation']['id']}", credential


async def main() -> None:
    leaving = {"Connection": "close"}
    async with (
        httpx.AsyncClient(timeout=10) as keeping,
        httpx.AsyncClient(timeout=10, headers=leaving) as new,
    ):
        player = await enter(keeping, "player")
        cat, credential = await adopted(keeping, player)
        journey = [
            ("GET", f"{AUTH}/me", player, None),
            ("GET", CATS, player, None),
            ("GET", INSTALLATIONS, player, None),
            ("POST", f"{cat}/tasks", credential, {"title": "Feed the cat"}),
            ("PATCH", f"{AUTH}/me", player, {"display_name": "Steady"}),
            ("GET", f"{CATS.removesuffix('cats')}categories", player, None),
            ("GET", f"{PROXY}/audit", player, None),
            ("GET", f"{cat}/tasks", player, None),
            ("GET", f"{INSTALLATIONS}?limit=1", player, None),
        ]
        running: set[asyncio.Task[object]] = {asyncio.create_task(stay_signed_in(keeping, player))}
        turn = 0
        while True:
            method, url, headers, body = journey[turn % len(journey)]
            client = new if turn % 2 else keeping
            task = asyncio.create_task(call(client, method, url, headers=headers, json=body))
            running.add(task)
            task.add_done_callback(running.discard)
            turn += 1
            if turn % PER_SECOND == 0:
                say(**counts)
            await asyncio.sleep(1 / PER_SECOND)


asyncio.run(main())
