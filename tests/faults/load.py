"""A steady load through all four services, which notes acknowledged writes in a ledger."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

import httpx

from .ledger import Ledger, Unacknowledged
from .target import ADMIN, PASSWORD, Target

_CHANGERS, _CALLERS = 4, 2
_PAUSE_SECONDS = 0.02
_PAUSE_AFTER_FAILURE_SECONDS = 0.2
# Longer than all faults and all limits of the services: a request that takes longer hangs.
_HANGS_SECONDS = 60.0
_CATS_A_DEVELOPER = 8
_ROUNDS_A_CAT = 3
_READ, _WRITE = "tasks:read", "tasks:write"
_AUTH = "/api/v1/auth"
_CATS = "/api/v1/catalog/cats"
_INSTALLATIONS = "/api/v1/installations"
_NO_DATABASE = {f"urn:cathouse:problem:database_{state}" for state in ("unavailable", "busy")}


class Stopped(Exception):
    """The load ends."""


@dataclass
class Person:
    email: str
    access_token: str = ""
    refresh_token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}


@dataclass(frozen=True)
class Adopted:
    player: Person
    installation_id: str
    credential: str


@contextmanager
def steady_load(target: Target, ledger: Ledger) -> Iterator[None]:
    """Keep all workers busy while the block runs. At its end, they finish their current requests.

    Some create and change, which ends for a subject when a write to it is in doubt. The others call cats that they have
    adopted before the block begins.
    """
    stop = threading.Event()
    changers = [Worker(target, ledger, stop) for _ in range(_CHANGERS)]
    callers = [Worker(target, ledger, stop) for _ in range(_CALLERS)]
    plays = [worker.play for worker in changers] + [caller.adopt_to_call() for caller in callers]
    threads = [
        threading.Thread(target=worker.work, args=(play,))
        for worker, play in zip(changers + callers, plays, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def play_once(target: Target, ledger: Ledger) -> None:
    """The life of one cat, while nothing disturbs it: raises where any of its requests fails."""
    worker = Worker(target, ledger, threading.Event())
    with closing(worker.client):
        worker.live(worker.join("developer"), worker.join("player"))


class Worker:
    """Acts as developers and players, one after the other."""

    _numbers = count()

    def __init__(self, target: Target, ledger: Ledger, stop: threading.Event) -> None:
        self._target = target
        self._ledger = ledger
        self._stop = stop
        self.client = httpx.Client(timeout=_HANGS_SECONDS, trust_env=False)
        self._admin = Person(ADMIN)

    def work(self, play: Callable[[], None]) -> None:
        """Act repeatedly until the load stops."""
        with closing(self.client):
            while not self._stop.is_set():
                try:
                    play()
                except Unacknowledged:
                    self._stop.wait(_PAUSE_AFTER_FAILURE_SECONDS)
                except Stopped:
                    return
                except Exception as error:
                    self._ledger.complain(repr(error))

    def adopt_to_call(self) -> Callable[[], None]:
        """Adopt a new cat. Return a function that calls it a few times. Raises if a request fails."""
        adopted = self.adopt()

        def call() -> None:
            self._add_task(adopted.installation_id, adopted.credential)
            self._call_cat("GET", adopted.installation_id, adopted.credential)

        return call

    def adopt(self) -> Adopted:
        """Have a new player adopt a new cat. Raises if a request fails."""
        developer, player = self.join("developer"), self.join("player")
        slug = f"cat-{next(self._numbers)}"
        cat_id = self._create_cat(developer, slug)
        self._publish(developer, cat_id, slug)
        _, installation_id, credential = self._adopt(player, cat_id, slug)
        return Adopted(player, installation_id, credential)

    def play(self) -> None:
        """Create a developer with cats, and a player who adopts them. Raises `Unacknowledged` if a session fails."""
        developer, player = self.join("developer"), self.join("player")
        for _ in range(_CATS_A_DEVELOPER):
            try:
                self.live(developer, player)
            except Unacknowledged:
                self._stop.wait(_PAUSE_AFTER_FAILURE_SECONDS)
        self._refresh(developer)
        self.live(developer, player)

    def live(self, developer: Person, player: Person) -> None:
        """Publish, adopt, review, call and change one cat."""
        slug = f"cat-{next(self._numbers)}"
        cat_id = self._create_cat(developer, slug)
        self._release(developer, cat_id, slug, "1.1.0")
        self._change_cat(developer, cat_id, slug)
        self._publish(developer, cat_id, slug)
        name, installation_id, credential = self._adopt(player, cat_id, slug)
        self._review(player, cat_id, slug, rating=2)
        for number in range(_ROUNDS_A_CAT):
            self._add_task(installation_id, credential)
            self._grant(player, installation_id, name, [_READ])
            self._call_cat("GET", installation_id, credential)
            self._grant(player, installation_id, name, [_READ, _WRITE])
            credential = self._rotate(player, installation_id, name)
            self._configure(player, installation_id, name)
            self._add_task(installation_id, credential)
            self._release(developer, cat_id, slug, f"1.2.{number}")
            self._change_cat(developer, cat_id, slug)
        self._review(player, cat_id, slug, rating=5)
        self._pause(player, installation_id, name)

    # Auth.

    def join(self, role: str) -> Person:
        person = Person(f"{role}-{next(self._numbers)}@example.com")
        display_name = _words()
        body = {"email": person.email, "password": PASSWORD, "role": role}
        with self._ledger.writing({("person", person.email): display_name}):
            self._call(
                "POST", "auth", f"{_AUTH}/register", json=body | {"display_name": display_name}
            )
        self._sign_in(person)
        return person

    def _sign_in(self, person: Person) -> None:
        session = ("session", person.email)
        with self._ledger.writing({session: None}) as facts:
            facts[session] = self._take_tokens(person, self._log_in(person))

    def _log_in(self, person: Person) -> httpx.Response:
        form = {"username": person.email, "password": PASSWORD}
        return self._call("POST", "auth", f"{_AUTH}/login", data=form)

    def _refresh(self, person: Person) -> None:
        body = {"refresh_token": person.refresh_token}
        person.refresh_token = ""
        session = ("session", person.email)
        with self._ledger.writing({session: None}) as facts:
            facts[session] = self._take_tokens(
                person, self._call("POST", "auth", f"{_AUTH}/refresh", json=body)
            )

    def _take_tokens(self, person: Person, response: httpx.Response) -> str:
        tokens = response.json()
        person.access_token = tokens["access_token"]
        person.refresh_token = tokens["refresh_token"]
        return _hash(person.refresh_token)

    # Catalog.

    def _create_cat(self, developer: Person, slug: str) -> str:
        tagline = _words()
        manifest = {
            "slug": slug,
            "name": f"Task Keeper {slug}",
            "tagline": tagline,
            "category": "productivity",
            "endpoint_url": self._target.stack.url("tasks"),
            "version": "1.0.0",
            "scopes": [_scope(_READ, "GET", required=True), _scope(_WRITE, "POST", required=False)],
        }
        with self._ledger.writing(
            {
                ("tagline", slug): tagline,
                ("status", slug): "draft",
                ("version", f"{slug} 1.0.0"): "",
            }
        ):
            response = self._call("POST", "catalog", _CATS, developer, json=manifest)
        cat_id: str = response.json()["id"]
        return cat_id

    def _change_cat(self, developer: Person, cat_id: str, slug: str) -> None:
        tagline = _words()
        with self._ledger.writing({("tagline", slug): tagline}):
            self._call(
                "PATCH", "catalog", f"{_CATS}/{cat_id}", developer, json={"tagline": tagline}
            )

    def _release(self, developer: Person, cat_id: str, slug: str, version: str) -> None:
        notes = _words()
        release = {"version": version, "release_notes": notes}
        with self._ledger.writing(
            {("version", f"{slug} {version}"): notes, ("current version", slug): version}
        ):
            self._call("POST", "catalog", f"{_CATS}/{cat_id}/versions", developer, json=release)

    def _publish(self, developer: Person, cat_id: str, slug: str) -> None:
        if not self._admin.access_token:
            self._take_tokens(self._admin, self._log_in(self._admin))
        with self._ledger.writing({("status", slug): "submitted"}):
            self._call("POST", "catalog", f"{_CATS}/{cat_id}/submit", developer)
        with self._ledger.writing({("status", slug): "published"}):
            self._call("POST", "catalog", f"{_CATS}/{cat_id}/approve", self._admin)

    def _review(self, player: Person, cat_id: str, slug: str, rating: int) -> None:
        review = {"rating": rating, "comment": _words()}
        with self._ledger.writing({("review", slug): f"{rating} {review['comment']}"}):
            self._call("PUT", "catalog", f"{_CATS}/{cat_id}/reviews/mine", player, json=review)

    # Installation.

    def _adopt(self, player: Person, cat_id: str, slug: str) -> tuple[str, str, str]:
        """Adopt the cat, repeating the request with its Idempotency-Key until it is acknowledged."""
        name, key = f"{slug}'s", str(uuid4())
        wish = {"cat_id": cat_id, "granted_scopes": [_READ, _WRITE], "name": name}
        scopes, credential = ("scopes", name), ("credential", name)
        while True:
            try:
                with self._ledger.writing({scopes: f"{_READ} {_WRITE}", credential: None}) as facts:
                    body = self._call(
                        "POST",
                        "installation",
                        _INSTALLATIONS,
                        player,
                        json=wish,
                        headers={"Idempotency-Key": key},
                    ).json()
                    facts[credential] = _hash(body["credential"])
            except Unacknowledged:
                self._stop.wait(_PAUSE_AFTER_FAILURE_SECONDS)
            else:
                return name, body["installation"]["id"], body["credential"]

    def _grant(self, player: Person, installation_id: str, name: str, scopes: list[str]) -> None:
        path = f"{_INSTALLATIONS}/{installation_id}/scopes"
        with self._ledger.writing({("scopes", name): " ".join(scopes)}):
            self._call("PUT", "installation", path, player, json={"granted_scopes": scopes})

    def _rotate(self, player: Person, installation_id: str, name: str) -> str:
        path = f"{_INSTALLATIONS}/{installation_id}/credential"
        fact = ("credential", name)
        with self._ledger.writing({fact: None}) as facts:
            credential: str = self._call("POST", "installation", path, player).json()["credential"]
            facts[fact] = _hash(credential)
        return credential

    def _configure(self, player: Person, installation_id: str, name: str) -> None:
        mood = _words()
        path = f"{_INSTALLATIONS}/{installation_id}"
        with self._ledger.writing({("mood", name): mood}):
            self._call("PATCH", "installation", path, player, json={"settings": {"mood": mood}})

    def _pause(self, player: Person, installation_id: str, name: str) -> None:
        with self._ledger.writing({("paused", name): "paused"}):
            path = f"{_INSTALLATIONS}/{installation_id}/pause"
            self._call("POST", "installation", path, player)

    # Proxy.

    def _add_task(self, installation_id: str, credential: str) -> None:
        title = uuid4().hex
        response = self._call_cat(
            "POST", installation_id, credential, request_id=title, json={"title": title}
        )
        # A change of scopes or credential reaches the proxy within a second. Until then, the proxy refuses.
        if response.status_code == 201:
            with self._ledger.writing({("task", title): title}):
                pass

    def _call_cat(
        self,
        method: str,
        installation_id: str,
        credential: str,
        *,
        request_id: str | None = None,
        **content: Any,
    ) -> httpx.Response:
        """Call the cat, and note every response that must be in the audit, including refusals."""
        request_id = request_id or uuid4().hex
        headers = {"Authorization": f"Bearer {credential}", "X-Request-ID": request_id}
        path = f"/api/v1/proxy/{installation_id}/tasks"
        response = self._send(method, "proxy", path, headers, **content)
        assert response.headers["X-Request-ID"] == request_id
        if response.status_code == 503 and _says_that_no_row_can_be(response.json()):
            raise Unacknowledged
        # The audit has no row for a call without a valid credential. This call has one.
        assert response.status_code != 401, f"{method} {path}: {response.text}"
        self._ledger.answered(request_id, response.status_code)
        return response

    # HTTP.

    def _call(
        self,
        method: str,
        service: str,
        path: str,
        who: Person | None = None,
        headers: dict[str, str] | None = None,
        **content: Any,
    ) -> httpx.Response:
        """Send a correct request, and return its 2xx response."""
        headers = (who.headers if who else {}) | (headers or {})
        response = self._send(method, service, path, headers, **content)
        if who is self._admin and response.status_code == 401:
            who.access_token = ""  # the token has expired, after 15 minutes
            raise Unacknowledged
        if response.status_code >= 500:
            raise Unacknowledged
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response

    def _send(
        self, method: str, service: str, path: str, headers: dict[str, str], **content: Any
    ) -> httpx.Response:
        if self._stop.wait(_PAUSE_SECONDS):
            raise Stopped
        url = self._target.url(service) + path
        try:
            response = self.client.request(method, url, headers=headers, **content)
        except httpx.TimeoutException as error:
            self._ledger.complain(f"{method} {path}: no response in {_HANGS_SECONDS:.0f} s")
            raise Unacknowledged from error
        except httpx.TransportError as error:
            raise Unacknowledged from error
        if response.status_code == 500:
            self._ledger.complain(f"{method} {path}: {response.text}")
        return response


def _scope(name: str, method: str, *, required: bool) -> dict[str, Any]:
    routes = [{"methods": [method], "path": "/tasks"}]
    return {"name": name, "description": name, "required": required, "routes": routes}


def _says_that_no_row_can_be(problem: dict[str, Any]) -> bool:
    """The audit could not be written, or the installation is unknown. Only calls of a known installation have rows."""
    return problem["type"] in _NO_DATABASE or problem.get("peer") == "installation"


def _words() -> str:
    """Return a text that no other write has."""
    return f"words {uuid4().hex}"


def _hash(secret: str) -> str:
    """Return a secret in the form that the services store."""
    return hashlib.sha256(secret.encode()).hexdigest()
