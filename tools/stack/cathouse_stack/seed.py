"""Seed data for a marketplace: people, cats, adoptions, reviews and proxied calls, created over HTTP.

Each piece has a fixed name. Existing pieces are not changed, so a second run changes nothing.
"""

import json
import subprocess
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from cathouse_kit.registry import Service

from cathouse_stack.demo import MANIFEST, Running
from cathouse_stack.errors import StackError
from cathouse_stack.ports import endpoints
from cathouse_stack.preflight import make_token

PASSWORD_FILE = Path(".state/seed_password")
ADMIN = "admin@seed.example.com"
DEVELOPERS = [f"developer-{number}@seed.example.com" for number in range(1, 10)]
PLAYERS = [f"player-{number}@seed.example.com" for number in range(1, 41)]
_ADOPTIONS_EACH = 3
_CATS = "/api/v1/catalog/cats"
_INSTALLATIONS = "/api/v1/installations"
_CATEGORIES = ("productivity", "health", "learning", "games", "home")
_KINDS = ("Task Keeper", "Habit Tracker", "Quiz Master", "Chore Chart", "Reading Log", "Step Count")
_COATS = ("Amber", "Cobalt", "Ember", "Ginger", "Hazel")
CATS = [f"{coat} {kind}" for coat in _COATS for kind in _KINDS]
_COMMENTS = ("It keeps my tasks.", "My children like it.", "Not for me.", "I use it every day.")
# A small number, because each password check occupies a core of auth for a moment.
_THREADS = 4


class Seed:
    """Creates the missing pieces, and counts them."""

    def __init__(self, client: httpx.Client, urls: dict[str, str], password: str) -> None:
        self._client = client
        self._urls = urls
        self._password = password
        self.created: Counter[str] = Counter()

    def call(
        self,
        method: str,
        service: str,
        path: str,
        *expected: int,
        token: str | None = None,
        **content: Any,
    ) -> httpx.Response:
        """Send a request and return the response. Raises `StackError` for a status that is not expected."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            response = self._client.request(
                method, self._urls[service] + path, headers=headers, **content
            )
        except httpx.TransportError as error:
            raise StackError(
                f"{service} does not respond at {self._urls[service]} ({error}). "
                "Check the stack: make status"
            ) from error
        if response.status_code not in expected:
            raise StackError(
                f"{method} {path} of {service} returned {response.status_code}: {response.text}\n"
                f"Read the reason in its log: make logs SERVICE={service}"
            )
        return response

    def enter(self, email: str) -> str:
        """Register unless the account exists, and return an access token."""
        name, _, _ = email.partition("@")
        person = {
            "email": email,
            "password": self._password,
            "display_name": name.replace("-", " ").title(),
            "role": name.partition("-")[0],
        }
        registered = self.call("POST", "auth", "/api/v1/auth/register", 201, 409, json=person)
        self.created["people"] += registered.status_code == 201
        return self.sign_in(email)

    def sign_in(self, email: str) -> str:
        form = {"username": email, "password": self._password}
        response = self.call("POST", "auth", "/api/v1/auth/login", 200, 401, data=form)
        if response.status_code == 401:
            raise StackError(
                f"{email} does not have the password in {PASSWORD_FILE}. To start again with an "
                "empty database, stop the stack, remove the folder .state, and run make up"
            )
        token: str = response.json()["access_token"]
        return token

    def admin(self, create_admin: Sequence[str]) -> str:
        """Create the admin unless the account exists, and return an access token."""
        form = {"username": ADMIN, "password": self._password}
        response = self.call("POST", "auth", "/api/v1/auth/login", 200, 401, data=form)
        if response.status_code == 401:
            command = subprocess.run(  # noqa: S603 - auth's own command; it reads the password from its standard input
                [*create_admin, "--email", ADMIN],
                input=f"{self._password}\n",
                capture_output=True,
                text=True,
                check=False,
            )
            if command.returncode != 0:
                raise StackError(
                    f"create-admin failed for {ADMIN}: {command.stderr or command.stdout}"
                )
            self.created["people"] += 1
        return self.sign_in(ADMIN)

    def publish(self, number: int, developer: str, admin: str, endpoint: str) -> dict[str, Any]:
        """Create, submit and approve the cat of this number where necessary, and return it."""
        manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
        manifest |= {
            "name": CATS[number],
            "slug": CATS[number].lower().replace(" ", "-"),
            "category": _CATEGORIES[number % len(_CATEGORIES)],
            "endpoint_url": endpoint,
        }
        found = self.call("GET", "catalog", f"{_CATS}/{manifest['slug']}", 200, 404, token=admin)
        if found.status_code == 404:
            found = self.call("POST", "catalog", _CATS, 201, token=developer, json=manifest)
            self.created["cats"] += 1
        cat: dict[str, Any] = found.json()
        path = f"{_CATS}/{cat['id']}"
        if cat["status"] == "draft":
            cat = self.call("POST", "catalog", f"{path}/submit", 200, token=developer).json()
        if cat["status"] == "submitted":
            self.call("POST", "catalog", f"{path}/approve", 200, token=admin)
        return cat

    def adopt(self, number: int, player: str, cats: Sequence[dict[str, Any]]) -> None:
        """Let a player adopt some cats, call each of them, and review most of them."""
        params = {"limit": 100}
        own = self.call("GET", "installation", _INSTALLATIONS, 200, token=player, params=params)
        adopted = {installation["cat_id"] for installation in own.json()["items"]}
        me = self.call("GET", "auth", "/api/v1/auth/me", 200, token=player).json()["id"]
        for step in range(_ADOPTIONS_EACH):
            cat = cats[(number + 7 * step) % len(cats)]
            if cat["id"] not in adopted:
                self._adopt_and_call(player, cat)
            if (number + step) % 4:
                self._review(number + step, player, me, cat)

    def _adopt_and_call(self, player: str, cat: dict[str, Any]) -> None:
        wish = {"cat_id": cat["id"], "granted_scopes": ["tasks:read", "tasks:write"]}
        adopted = self.call("POST", "installation", _INSTALLATIONS, 201, token=player, json=wish)
        tasks = f"/api/v1/proxy/{adopted.json()['installation']['id']}/tasks"
        self.call("POST", "proxy", tasks, 201, token=player, json={"title": "Feed the cat"})
        self.call("GET", "proxy", tasks, 200, token=player)
        self.created["installations"] += 1
        self.created["calls"] += 2

    def _review(self, number: int, player: str, me: str, cat: dict[str, Any]) -> None:
        path = f"{_CATS}/{cat['id']}/reviews"
        there = self.call("GET", "catalog", path, 200, params={"limit": 100}).json()["items"]
        if me not in {review["user_id"] for review in there}:
            body = {"rating": 1 + number % 5, "comment": _COMMENTS[number % len(_COMMENTS)]}
            self.call("PUT", "catalog", f"{path}/mine", 201, token=player, json=body)
            self.created["reviews"] += 1


def seed(services: Sequence[Service], running: Running) -> None:
    """Create the missing pieces and print their number. Raises `StackError` at the first failure."""
    urls = {endpoint.service.name: endpoint.url for endpoint in endpoints(services)}
    make_token(PASSWORD_FILE)
    with (
        httpx.Client(timeout=30, trust_env=False) as client,
        ThreadPoolExecutor(_THREADS) as threads,
    ):
        work = Seed(client, urls, PASSWORD_FILE.read_text(encoding="utf-8"))
        admin = work.admin(running.create_admin)
        developers = list(threads.map(work.enter, DEVELOPERS))
        players = list(threads.map(work.enter, PLAYERS))
        cats = [
            work.publish(number, developers[number % len(developers)], admin, running.cat)
            for number in range(len(CATS))
        ]
        list(threads.map(lambda each: work.adopt(each[0], each[1], cats), list(enumerate(players))))
    created = ", ".join(f"{count} {what}" for what, count in work.created.items() if count)
    print(f"Created {created}." if created else "Nothing to create: all seed data exists.")
    print(
        f"Sign in as {PLAYERS[0]}, {DEVELOPERS[0]} or {ADMIN}. "
        f"The password of all accounts is in {PASSWORD_FILE}."
    )
