"""The running platform: the development stack, a second process of the proxy, and their users."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psutil
from cathouse_kit.testing import free_port, is_ready, wait_until

from ..stack.stack import Stack, stack_in

SERVICES = ("auth", "catalog", "installation", "proxy")
PASSWORD = "correct horse battery"
# Longer than all limits in the services: a call that takes longer hangs.
HANGS_SECONDS = 20.0
WITHIN_SECONDS = 1.0
"""The contract: revoked rights are refused everywhere within this time."""
_unique = count()


class Yardstick:
    """Measures the delays of this machine: a thread repeatedly calls the health route of a service.

    Inside `with`, `allowed` is `WITHIN_SECONDS` plus the delays of a busy machine: each of a few steps may take as long
    as the slowest response. On a quiet machine, this adds some hundredths of a second.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._slowest = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._measure)

    def __enter__(self) -> "Yardstick":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def allowed(self) -> float:
        return WITHIN_SECONDS + 5 * self._slowest

    def _measure(self) -> None:
        with httpx.Client(timeout=HANGS_SECONDS, trust_env=False) as client:
            while not self._stop.wait(0.05):
                began = time.monotonic()
                client.get(self._url + "/health")
                self._slowest = max(self._slowest, time.monotonic() - began)


@dataclass
class Platform:
    stack: Stack
    second_proxy: str
    """The URL of the proxy's second process."""
    client: httpx.Client
    developer: dict[str, str] = field(init=False)
    admin: dict[str, str] = field(init=False)
    player: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.developer = self.register("developer")
        self.player = self.register("player")
        self.admin = self.make_admin()

    @property
    def proxies(self) -> tuple[str, str]:
        return self.stack.url("proxy"), self.second_proxy

    def call(
        self, method: str, service: str, path: str, who: dict[str, str], **content: Any
    ) -> httpx.Response:
        return self.client.request(method, self.stack.url(service) + path, headers=who, **content)

    def done(
        self, method: str, service: str, path: str, who: dict[str, str], **content: Any
    ) -> Any:
        """Return the body of a successful call."""
        response = self.call(method, service, path, who, **content)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def publish(self, developer: dict[str, str] | None = None) -> dict[str, Any]:
        """Publish a new cat for everyone, by the developer or another person."""
        developer = developer or self.developer
        cats = "/api/v1/catalog/cats"
        manifest = {
            "name": f"Task Keeper {next(_unique)}",
            "tagline": "Keeps what you mean to do",
            "category": "productivity",
            "endpoint_url": self.stack.url("tasks"),
            "version": "1.0.0",
            "scopes": [
                _scope("tasks:read", "GET", required=True),
                _scope("tasks:write", "POST", required=False),
            ],
        }
        cat: dict[str, Any] = self.done("POST", "catalog", cats, developer, json=manifest)
        self.done("POST", "catalog", f"{cats}/{cat['id']}/submit", developer)
        self.done("POST", "catalog", f"{cats}/{cat['id']}/approve", self.admin)
        return cat

    def adopt(self, player: dict[str, str] | None = None) -> dict[str, Any]:
        """Adopt a new cat, as the player or another person. Return the installation and its credential."""
        wish = {"cat_id": self.publish()["id"], "granted_scopes": ["tasks:read", "tasks:write"]}
        adopted: dict[str, Any] = self.done(
            "POST", "installation", "/api/v1/installations", player or self.player, json=wish
        )
        return adopted

    def id_of(self, who: dict[str, str]) -> str:
        person: dict[str, str] = self.done("GET", "auth", "/api/v1/auth/me", who)
        return person["id"]

    def watcher(self, service: str) -> psutil.Process:
        """Return the process that restarts a service when a source changes."""
        command = ["-m", f"cathouse_{service}", "serve"]
        return next(p for p in self.stack.descendants() if p.cmdline()[1:4] == command)

    def register(self, role: str) -> dict[str, str]:
        email = f"{role}-{next(_unique)}@example.com"
        person = {"email": email, "password": PASSWORD, "display_name": role, "role": role}
        self.done("POST", "auth", "/api/v1/auth/register", {}, json=person)
        return self.sign_in(email)

    def make_admin(self) -> dict[str, str]:
        email = f"admin-{next(_unique)}@example.com"
        subprocess.run(
            [sys.executable, "-m", "cathouse_auth", "create-admin", "--email", email],
            cwd=self.stack.folder / "services/auth",
            env=self.stack.environment | {"SECRETS_DIR": "../../.state/secrets"},
            input=f"{PASSWORD}\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return self.sign_in(email)

    def sign_in(self, email: str) -> dict[str, str]:
        form = {"username": email, "password": PASSWORD}
        tokens = self.done("POST", "auth", "/api/v1/auth/login", {}, data=form)
        return {"Authorization": f"Bearer {tokens['access_token']}"}


def _scope(name: str, method: str, *, required: bool) -> dict[str, Any]:
    routes = [{"methods": [method], "path": "/tasks"}]
    return {"name": name, "description": name, "required": required, "routes": routes}


@contextmanager
def running_platform(folder: Path) -> Iterator[Platform]:
    """Start everything. Stop everything afterwards."""
    with ExitStack() as running:
        stack = running.enter_context(stack_in(folder))
        # For the proxy's second process too. Limits are high, because tests call the cat as often as they can.
        stack.environment["PROXY_ALLOW_PRIVATE_UPSTREAMS"] = "true"
        for limit in ("RATE_LIMIT_PER_INSTALLATION", "UNIDENTIFIED_LIMIT_BY_ADDRESS"):
            stack.environment[limit] = "1000000/minute"
        stack.start()
        stack.wait_until_up()
        client = running.enter_context(httpx.Client(timeout=HANGS_SECONDS, trust_env=False))
        port = free_port()
        second_proxy = running.enter_context(another_proxy(stack, port))
        yield Platform(stack, second_proxy, client)


@contextmanager
def another_proxy(stack: Stack, port: int, *, answers: str = "/health/ready") -> Iterator[str]:
    """Start another process of the proxy, with the settings of the first. Yields its URL when `answers` returns 200."""
    url = f"http://127.0.0.1:{port}"
    peers = {f"{name.upper()}_URL": stack.url(name) for name in SERVICES}
    more = {"PORT": str(port), "SECRETS_DIR": "../../.state/secrets"}
    log = stack.folder / f".state/logs/proxy-{port}.log"

    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        return is_ready(url, answers)

    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "cathouse_proxy", "serve"],
            cwd=stack.folder / "services/proxy",
            env=stack.environment | peers | more,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            wait_until("another proxy", ready)
            yield url
        finally:
            process.kill()
