"""A walk through the platform with its Python client, against the running stack.

Each step prints the actor, the action, the status and the duration. Every run creates new accounts and a new cat, so
the demo can be repeated.
"""

import json
import secrets
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from cathouse_client import CatHouse, CatHouseError, Forbidden, ProblemError, Unreachable, iterate
from cathouse_client.models import (
    Adoption,
    CatBody,
    InstallationWithCredential,
    NewCat,
    Registration,
    RegistrationRole,
)

from cathouse_stack.errors import StackError

T = TypeVar("T")

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
    """An account of the demo, with its password and its client."""

    name: str
    house: CatHouse
    email: str = field(init=False)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)

    def __post_init__(self) -> None:
        self.email = f"{self.name}-{secrets.token_hex(4)}@example.com"

    def does(self, what: str, call: Callable[[], T]) -> T:
        """Make a call, print its line, and return its result. Raises `StackError` if it fails."""
        began = time.perf_counter()
        try:
            result = call()
        except (CatHouseError, httpx.HTTPStatusError) as error:
            raise StackError(f"{self.name} {what}: {described(error)}") from error
        line(self.name, what, "ok", time.perf_counter() - began)
        return result

    def is_refused(self, what: str, call: Callable[[], object]) -> None:
        """Make a call that the platform must refuse with 403, and print its line. Raises `StackError` otherwise."""
        began = time.perf_counter()
        try:
            call()
        except Forbidden as problem:
            line(self.name, what, str(problem.status), time.perf_counter() - began)
        except CatHouseError as error:
            raise StackError(f"{self.name} {what}: {described(error)}") from error
        else:
            raise StackError(f"{self.name} {what}: the call was not refused")


def described(error: Exception) -> str:
    """Return the message of a failed call, and what to do."""
    if isinstance(error, Unreachable):
        return f"{error}\nStart the stack in another terminal: make up"
    return f"{error}\nRead the reason in the logs: make logs"


def line(who: str, what: str, result: str, seconds: float) -> None:
    print(f"{who:<10}{what:<66}{result:>5}{seconds * 1000:>9.1f} ms", flush=True)


def demo(address: str, running: Running) -> None:
    """Run all steps of the demo, through the gateway at `address`. Raises `StackError` at the first step that fails."""
    with ExitStack() as clients:
        olga, ada, paul = (
            # With a transport of its own, the client passes over proxies of the environment.
            Actor(name, clients.enter_context(CatHouse(address, transport=httpx.HTTPTransport())))
            for name in ("olga", "ada", "paul")
        )
        enter(olga, RegistrationRole.DEVELOPER)
        cat = publish(olga, running.cat)
        make_admin(ada, running)
        ada.does("approves the cat", lambda: ada.house.catalog.approve_cat(cat.id))
        enter(paul, RegistrationRole.PLAYER)
        find(paul, cat)
        adopted = adopt(paul, cat)
        use(paul, adopted)
        pause(paul, adopted)
        read_audit(paul, adopted)
        survive_a_restart(paul, running.restart)
    print(f"\nThe demo is complete. To send these requests yourself, open {address}/docs.")


def enter(who: Actor, role: RegistrationRole) -> None:
    """Register and sign in."""
    person = Registration(
        email=who.email, password=who.password, display_name=who.name.title(), role=role
    )
    who.does(f"registers as a {role}", lambda: who.house.auth.register(body=person))
    sign_in(who)
    who.does("reads their account", who.house.auth.read_me)


def sign_in(who: Actor) -> None:
    who.does("signs in", lambda: who.house.sign_in(who.email, who.password))


def make_admin(who: Actor, running: Running) -> None:
    """Create an admin, and sign in."""
    began = time.perf_counter()
    create_admin(running, who.email, who.password)
    line(who.name, "is created as an admin by a command", "ok", time.perf_counter() - began)
    sign_in(who)


def create_admin(running: Running, email: str, password: str) -> None:
    """Create an admin with the command of auth, because HTTP cannot create admins."""
    made = subprocess.run(  # noqa: S603 - the service's own command; the password goes over its standard input
        [*running.create_admin, "--email", email],
        input=f"{password}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise StackError(f"create-admin failed for {email}: {made.stderr or made.stdout}")


def publish(olga: Actor, cat_url: str) -> CatBody:
    """Create a cat from the manifest of the example, and submit it for review."""
    manifest: dict[str, Any] = json.loads(MANIFEST.read_text())
    del manifest["slug"]  # the catalog derives one from the name
    new = NewCat.from_dict({**manifest, "endpoint_url": cat_url})
    new.name = f"{new.name} {secrets.choice(_WORDS).title()} {secrets.token_hex(3)}"
    what = f"creates the cat {new.name!r}"
    cat = olga.does(what, lambda: olga.house.catalog.create_cat(body=new))
    olga.does("submits the cat for review", lambda: olga.house.catalog.submit_cat(cat.id))
    return cat


def find(paul: Actor, cat: CatBody) -> None:
    """Search with a typing error: two letters of each long word are exchanged."""
    words = (
        word if len(word) < 5 else word[:2] + word[3] + word[2] + word[4:]
        for word in cat.name.split()
    )
    query = " ".join(words)
    found = paul.does(
        f"searches for {query!r}",
        lambda: list(iterate(paul.house.catalog.list_cats, q=query, limit=100)),
    )
    if cat.id not in {item.id for item in found}:
        raise StackError(f"the search for {query!r} does not find {cat.name!r}")


def adopt(paul: Actor, cat: CatBody) -> InstallationWithCredential:
    """Adopt the cat. Grant the scopes to read and write, but not the scope to delete."""
    granted = [scope.name for scope in cat.scopes if not scope.name.endswith(":delete")]
    wish = Adoption(cat_id=cat.id, granted_scopes=granted)
    return paul.does(
        f"adopts the cat and grants {', '.join(granted)}",
        lambda: paul.house.installation.adopt_cat(body=wish),
    )


def use(paul: Actor, adopted: InstallationWithCredential) -> None:
    """Call the cat through the proxy, first with the credential, then with the access token."""
    cat, credential, call = adopted.installation.id, adopted.credential, paul.house.call_cat
    new = {"title": "Feed the cat"}
    task = paul.does(
        "adds a task through the proxy",
        lambda: (
            call(cat, "POST", "tasks", credential=credential, json=new).raise_for_status().json()
        ),
    )
    what = "lists the tasks"
    paul.does(what, lambda: call(cat, "GET", "tasks", credential=credential).raise_for_status())
    what = "lists the tasks with the access token, not the credential"
    paul.does(what, lambda: call(cat, "GET", "tasks").raise_for_status())
    paul.is_refused(
        "cannot delete a task: its scope was not granted",
        lambda: call(cat, "DELETE", f"tasks/{task['id']}", credential=credential),
    )


def pause(paul: Actor, adopted: InstallationWithCredential) -> None:
    """Pause the installation, and measure the time until the proxy refuses its calls."""
    cat = adopted.installation.id
    paul.does("pauses the installation", lambda: paul.house.installation.pause_installation(cat))
    seconds = wait_for_refusal(paul, adopted)
    line(paul.name, "is refused from then on", "403", seconds)
    if seconds > 1:
        raise StackError(
            f"the proxy refused the paused cat only after {seconds:.2f} s; 1 s is the limit"
        )
    paul.does("resumes the installation", lambda: paul.house.installation.resume_installation(cat))


def wait_for_refusal(paul: Actor, adopted: InstallationWithCredential) -> float:
    def is_refused() -> bool:
        try:
            paul.house.call_cat(
                adopted.installation.id, "GET", "tasks", credential=adopted.credential
            )
        except ProblemError as problem:
            return problem.code == "installation_paused"
        return False

    return _until(is_refused, "the proxy to refuse the paused cat")


def read_audit(paul: Actor, adopted: InstallationWithCredential) -> None:
    """Read the audit entries that the proxy wrote for these calls."""
    page = paul.does(
        "reads the audit",
        lambda: paul.house.proxy.list_audit(installation_id=adopted.installation.id),
    )
    for row in page.items:
        print(f"{'':10}  {row.method:<7}{row.path:<45}{row.outcome:<20}{row.status}")


def survive_a_restart(paul: Actor, restart: Sequence[str]) -> None:
    """Restart the database and auth, then sign in again. Acknowledged data must still exist."""
    for name in ("postgres", "auth"):
        began = time.perf_counter()
        done = subprocess.run([*restart, name], capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise StackError(f"{shlex.join([*restart, name])} failed: {done.stdout}{done.stderr}")
        line("make", f"restarts {name}", "ok", time.perf_counter() - began)
    # The gateway does not show readiness. This route needs auth and the database.
    seconds = _until(lambda: _is_known(paul), "auth to be ready again")
    line("make", "waits until auth is ready again", "200", seconds)
    sign_in(paul)


def _is_known(who: Actor) -> bool:
    with suppress(CatHouseError):
        return who.house.auth.read_me().email == who.email
    return False


def _until(condition: Callable[[], bool], what: str) -> float:
    """Poll until `condition` is true. Return the elapsed seconds. Raises `StackError` after a minute."""
    began = time.perf_counter()
    while (waited := time.perf_counter() - began) < _RESTART_SECONDS:
        if condition():
            return time.perf_counter() - began
        time.sleep(0.02)
    raise StackError(f"waited {waited:.0f} s in vain for {what}. Read the reason: make logs")
