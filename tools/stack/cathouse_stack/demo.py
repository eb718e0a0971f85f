"""A walk through the platform over HTTP, against the running stack.

Each step prints the actor, the action, the status and the duration. Every run creates new accounts and a new cat, so
the demo can be repeated.
"""

import json
import secrets
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cathouse_kit.registry import Service

from cathouse_stack.errors import StackError
from cathouse_stack.ports import endpoints

MANIFEST = Path("examples/tasks/manifest.json")
_RESTART_SECONDS = 60.0
_WORDS = (
    "amber",
    "biscuit",
    "cobalt",
    "dapple",
    "ember",
    "fennel",
    "ginger",
    "hazel",
    "indigo",
    "jasper",
)


@dataclass(frozen=True)
class Running:
    """The parts of the running stack that the demo does not reach over HTTP."""

    restart: Sequence[str]
    """A command that restarts a part of the stack. The name of the part is added to it."""
    create_admin: Sequence[str]
    """A command that creates an admin. `--email EMAIL` is added, and it reads the password from standard input."""
    cat: str
    """The URL of the example cat, as the proxy reaches it."""


@dataclass
class Actor:
    """An account of the demo, with its password and its access token."""

    name: str
    role: str
    email: str = field(init=False)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.email = f"{self.name}-{secrets.token_hex(4)}@example.com"


class Story:
    """Sends the requests and prints a line for each."""

    def __init__(self, urls: dict[str, str], client: httpx.Client) -> None:
        self.urls = urls
        self.client = client

    def call(
        self,
        who: Actor,
        what: str,
        method: str,
        service: str,
        path: str,
        *,
        expect: int,
        token: str | None = None,
        **content: Any,
    ) -> Any:
        """Send one request, print its line, and return the JSON of the response.

        Raises `StackError` for a status other than `expect`.
        """
        headers = content.pop("headers", {})
        if bearer := token or who.token:
            headers["Authorization"] = f"Bearer {bearer}"
        began = time.perf_counter()
        try:
            response = self.client.request(
                method, self.urls[service] + path, headers=headers, **content
            )
        except httpx.TransportError as error:
            raise StackError(
                f"{service} does not respond at {self.urls[service]} ({error}). "
                "Start the stack in another terminal: make up"
            ) from error
        self.line(who.name, what, str(response.status_code), time.perf_counter() - began)
        if response.status_code != expect:
            raise StackError(
                f"{method} {path} of {service} returned {response.status_code} instead of {expect}: {response.text}\n"
                f"Read the reason in its log: make logs SERVICE={service}"
            )
        return response.json() if response.content else None

    def line(self, who: str, what: str, result: str, seconds: float) -> None:
        print(f"{who:<10}{what:<66}{result:>5}{seconds * 1000:>9.1f} ms", flush=True)


def demo(services: Sequence[Service], running: Running) -> None:
    """Run all steps of the demo. Raises `StackError` at the first step that fails."""
    urls = {endpoint.service.name: endpoint.url for endpoint in endpoints(services)}
    with httpx.Client(timeout=30, trust_env=False) as client:
        story = Story(urls, client)
        olga, ada, paul = Actor("olga", "developer"), Actor("ada", "admin"), Actor("paul", "player")
        enter(story, olga)
        cat = publish(story, olga, running.cat)
        make_admin(story, ada, running.create_admin)
        approve(story, ada, cat)
        enter(story, paul)
        find(story, paul, cat)
        adopted = adopt(story, paul, cat)
        use(story, paul, adopted)
        pause(story, paul, adopted)
        read_audit(story, paul, adopted)
        survive_a_restart(story, paul, running.restart)
    print(
        "\nThe demo is complete. To send these requests yourself, open /api/v1/docs of a service."
    )


def enter(story: Story, who: Actor) -> None:
    """Register and sign in."""
    person = {"email": who.email, "password": who.password, "display_name": who.name.title()}
    what = f"registers as a {who.role}"
    path = "/api/v1/auth/register"
    story.call(who, what, "POST", "auth", path, expect=201, json=person | {"role": who.role})
    sign_in(story, who)
    story.call(who, "reads their account", "GET", "auth", "/api/v1/auth/me", expect=200)


def sign_in(story: Story, who: Actor) -> None:
    form = {"username": who.email, "password": who.password}
    who.token = None
    tokens = story.call(
        who, "signs in", "POST", "auth", "/api/v1/auth/login", expect=200, data=form
    )
    who.token = tokens["access_token"]


def make_admin(story: Story, who: Actor, create_admin: Sequence[str]) -> None:
    """Create an admin with the command of auth, because HTTP cannot create admins."""
    began = time.perf_counter()
    made = subprocess.run(  # noqa: S603 - the service's own command; the password goes over its standard input
        [*create_admin, "--email", who.email],
        input=f"{who.password}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise StackError(f"create-admin failed for {who.email}: {made.stderr or made.stdout}")
    story.line(who.name, "is created as an admin by a command", "ok", time.perf_counter() - began)
    sign_in(story, who)


def publish(story: Story, olga: Actor, cat_url: str) -> dict[str, Any]:
    """Create a cat from the manifest of the example, and submit it for review."""
    manifest = json.loads(MANIFEST.read_text())
    del manifest["slug"]  # the catalog derives one from the name
    manifest["endpoint_url"] = cat_url
    manifest["name"] = f"{manifest['name']} {secrets.choice(_WORDS).title()} {secrets.token_hex(3)}"
    cats = "/api/v1/catalog/cats"
    what = f"creates the cat {manifest['name']!r}"
    cat: dict[str, Any] = story.call(olga, what, "POST", "catalog", cats, expect=201, json=manifest)
    story.call(
        olga,
        "submits the cat for review",
        "POST",
        "catalog",
        f"{cats}/{cat['id']}/submit",
        expect=200,
    )
    return cat


def approve(story: Story, ada: Actor, cat: dict[str, Any]) -> None:
    path = f"/api/v1/catalog/cats/{cat['id']}/approve"
    story.call(ada, "approves the cat", "POST", "catalog", path, expect=200)


def find(story: Story, paul: Actor, cat: dict[str, Any]) -> None:
    """Search with a typing error: two letters of each long word are exchanged."""
    words = (
        word if len(word) < 5 else word[:2] + word[3] + word[2] + word[4:]
        for word in cat["name"].split()
    )
    query = " ".join(words)
    found = story.call(
        paul,
        f"searches for {query!r}",
        "GET",
        "catalog",
        "/api/v1/catalog/cats",
        expect=200,
        params={"q": query, "limit": 100},
    )
    if cat["id"] not in {item["id"] for item in found["items"]}:
        raise StackError(f"the search for {query!r} does not find {cat['name']!r}")


def adopt(story: Story, paul: Actor, cat: dict[str, Any]) -> dict[str, Any]:
    """Adopt the cat. Grant the scopes to read and write, but not the scope to delete."""
    granted = [scope["name"] for scope in cat["scopes"] if not scope["name"].endswith(":delete")]
    adopted: dict[str, Any] = story.call(
        paul,
        f"adopts the cat and grants {', '.join(granted)}",
        "POST",
        "installation",
        "/api/v1/installations",
        expect=201,
        json={"cat_id": cat["id"], "granted_scopes": granted},
        headers={"Idempotency-Key": secrets.token_hex(16)},
    )
    return adopted


def use(story: Story, paul: Actor, adopted: dict[str, Any]) -> None:
    """Call the cat through the proxy, first with the credential, then with the access token."""
    root = f"/api/v1/proxy/{adopted['installation']['id']}"
    credential = adopted["credential"]
    task = story.call(
        paul,
        "adds a task through the proxy",
        "POST",
        "proxy",
        f"{root}/tasks",
        expect=201,
        token=credential,
        json={"title": "Feed the cat"},
    )
    what = "lists the tasks"
    story.call(paul, what, "GET", "proxy", f"{root}/tasks", expect=200, token=credential)
    what = "lists the tasks with the access token, not the credential"
    story.call(paul, what, "GET", "proxy", f"{root}/tasks", expect=200)
    what = "cannot delete a task: its scope was not granted"
    path = f"{root}/tasks/{task['id']}"
    story.call(paul, what, "DELETE", "proxy", path, expect=403, token=credential)


def pause(story: Story, paul: Actor, adopted: dict[str, Any]) -> None:
    """Pause the installation, and measure the time until the proxy refuses its calls."""
    installation = adopted["installation"]["id"]
    root = f"/api/v1/installations/{installation}"
    story.call(paul, "pauses the installation", "POST", "installation", f"{root}/pause", expect=200)
    seconds = wait_for_refusal(story, adopted)
    story.line(paul.name, "is refused from then on", "403", seconds)
    if seconds > 1:
        raise StackError(
            f"the proxy refused the paused cat only after {seconds:.2f} s; 1 s is the limit"
        )
    story.call(
        paul, "resumes the installation", "POST", "installation", f"{root}/resume", expect=200
    )


def wait_for_refusal(story: Story, adopted: dict[str, Any]) -> float:
    url = f"{story.urls['proxy']}/api/v1/proxy/{adopted['installation']['id']}/tasks"
    headers = {"Authorization": f"Bearer {adopted['credential']}"}
    return _until(
        lambda: story.client.get(url, headers=headers).status_code == 403,
        "the proxy to refuse the paused cat",
    )


def read_audit(story: Story, paul: Actor, adopted: dict[str, Any]) -> None:
    """Read the audit entries that the proxy wrote for these calls."""
    installation = adopted["installation"]["id"]
    audit = story.call(
        paul,
        "reads the audit",
        "GET",
        "proxy",
        "/api/v1/proxy/audit",
        expect=200,
        params={"installation_id": installation},
    )
    for row in audit["items"]:
        print(f"{'':10}  {row['method']:<7}{row['path']:<45}{row['outcome']:<20}{row['status']}")


def survive_a_restart(story: Story, paul: Actor, restart: Sequence[str]) -> None:
    """Restart the database and auth, then sign in again. Acknowledged data must still exist."""
    for name in ("postgres", "auth"):
        began = time.perf_counter()
        done = subprocess.run([*restart, name], capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise StackError(f"{shlex.join([*restart, name])} failed: {done.stdout}{done.stderr}")
        story.line("make", f"restarts {name}", "ok", time.perf_counter() - began)
    seconds = _until(lambda: _ready(story), "auth to be ready again")
    story.line("make", "waits until auth is ready again", "200", seconds)
    sign_in(story, paul)


def _ready(story: Story) -> bool:
    return story.client.get(f"{story.urls['auth']}/health/ready").status_code == 200


def _until(condition: Callable[[], bool], what: str) -> float:
    """Poll until `condition` is true. Return the elapsed seconds. Raises `StackError` after a minute."""
    began = time.perf_counter()
    while (waited := time.perf_counter() - began) < _RESTART_SECONDS:
        with suppress(httpx.TransportError):  # the service does not listen yet
            if condition():
                return time.perf_counter() - began
        time.sleep(0.02)
    raise StackError(f"waited {waited:.0f} s in vain for {what}. Read the reason: make logs")
