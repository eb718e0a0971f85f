"""A steady load of the journey's calls, with one retry on connection errors; prints its counts each second, in JSON."""

import asyncio
import collections
import json
import time

import httpx

PER_SECOND = 25
PERSON = {
    "email": "steady@example.com",
    "password": "correct horse battery staple",
    "display_name": "Steady",
}
counts = collections.Counter({"made": 0, "retried": 0, "failed": 0})


async def call(
    client: httpx.AsyncClient, method: str, url: str, **options: object
) -> httpx.Response | None:
    """One request of the load, counted."""
    counts["made"] += 1
    for attempt in (1, 2):
        try:
            answer = await client.request(method, url, **options)  # type: ignore[arg-type]
        except httpx.TransportError as error:
            if attempt == 1:
                counts["retried"] += 1
                continue
            counts["failed"] += 1
            print(json.dumps({"at": time.time(), "url": url, "error": repr(error)}))
            return None
        if not answer.is_success:
            counts["failed"] += 1
            print(
                json.dumps(
                    {
                        "at": time.time(),
                        "url": url,
                        "status": answer.status_code,
                        "text": answer.text[:300],
                    }
                )
            )
        return answer
    return None


async def main() -> None:
    async with httpx.AsyncClient(timeout=10) as client:
        auth = "http://auth:8005/api/v1/auth"
        while True:  # until the stack is there
            try:
                if (await client.post(f"{auth}/register", json=PERSON)).status_code in (201, 409):
                    break
            except httpx.TransportError:
                pass
            await asyncio.sleep(1)
        answer = await client.post(
            f"{auth}/login", data={"username": PERSON["email"], "password": PERSON["password"]}
        )
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        journey = [
            ("GET", f"{auth}/me", {}),
            ("GET", "http://catalog:8002/api/v1/catalog/cats", {}),
            ("GET", "http://installation:8003/api/v1/installations", {}),
            ("GET", "http://proxy:8004/api/v1/proxy/audit", {}),
            ("PATCH", f"{auth}/me", {"json": {"display_name": "Steady"}}),
            ("GET", "http://catalog:8002/api/v1/catalog/categories", {}),
        ]
        running: set[asyncio.Task[object]] = set()
        turn = 0
        while True:
            method, url, options = journey[turn % len(journey)]
            task = asyncio.create_task(call(client, method, url, **options))
            running.add(task)
            task.add_done_callback(running.discard)
            turn += 1
            if turn % PER_SECOND == 0:
                print(json.dumps({"at": time.time(), **counts}))
            await asyncio.sleep(1 / PER_SECOND)


asyncio.run(main())
