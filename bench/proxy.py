"""What a call through the proxy costs, over the same call made directly: `python bench/proxy.py`.

It starts a PostgreSQL that waits for its disk, the proxy and the example cat, each a process of its own, and measures
both ways in turns, so that whatever else the machine does meets both alike. What installation and catalog would say is
said by this process: the proxy asks each of them twice a second at most. Only ratios of one run mean anything.
"""

import argparse
import asyncio
import os
import secrets
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
from cathouse_kit.database import Database
from cathouse_kit.testing import Outside
from cathouse_proxy.services.identity import Identities, SigningKeys
from cathouse_proxy.testing import World, eventually, other_services
from pydantic import SecretStr

ROOT = Path(__file__).parents[1]
CONNECTIONS = (1, 8, 32)
WAYS = ("direct", "proxied", "refused", "health")


@asynccontextmanager
async def process(
    *command: str, cwd: Path, **environment: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that runs until the block ends."""
    started = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
        await started.wait()


async def run(*command: str, cwd: Path, **environment: str) -> None:
    async with process(*command, cwd=cwd, **environment) as started:
        if await started.wait() != 0:
            raise SystemExit(f"bench: {' '.join(command)} failed")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@asynccontextmanager
async def database_url(folder: Path) -> AsyncIterator[str]:
    """The proxy's own, in a new PostgreSQL that is as durable as a real one."""
    module = (sys.executable, "-m", "cathouse_postgres")
    state = {"STATE_DIR": str(folder)}
    async with process(*module, "run", cwd=ROOT, **state) as server:

        async def ready() -> bool:
            if server.returncode is not None:
                raise SystemExit("bench: PostgreSQL does not start")
            async with process(*module, "ready", cwd=ROOT, **state) as probe:
                return await probe.wait() == 0

        await eventually(ready, seconds=60)
        await run(*module, "provision", cwd=ROOT, **state)
        yield (folder / "secrets/proxy/database_url").read_text().strip()


@asynccontextmanager
async def service(
    url: str, *command: str, cwd: Path, **environment: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A server, when it answers."""
    async with (
        process(*command, cwd=cwd, **environment) as started,
        httpx.AsyncClient() as client,
    ):

        async def ready() -> bool:
            if started.returncode is not None:
                raise SystemExit(f"bench: {' '.join(command)} does not start")
            try:
                return (await client.get(url)).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(ready, seconds=30)
        yield started


async def measure(
    port: int, request: bytes, status: int, connections: int, seconds: float
) -> list[float]:
    """How long each request took, in milliseconds, when so many connections send one after another."""
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (started := time.perf_counter()) < until:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if int(head[9:12]) != status:
                raise SystemExit(f"bench: an answer was {head.splitlines()[0].decode()}")
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
            await reader.readexactly(int(length))
            took.append((time.perf_counter() - started) * 1000)
        writer.close()

    await asyncio.gather(*(one_connection() for _ in range(connections)))
    return took


def get(path: str, token: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )


@dataclass
class Measured:
    """One way, with so many connections."""

    took: list[float] = field(default_factory=list)
    """Milliseconds of each request."""
    cpu_seconds: float = 0.0
    """What the proxy's process worked for them."""
    seconds: float = 0.0

    def line(self, base: "Measured") -> str:
        median, p99 = statistics.median(self.took), statistics.quantiles(self.took, n=100)[98]
        base_median = statistics.median(base.took)
        base_p99 = statistics.quantiles(base.took, n=100)[98]
        return (
            f"{median:9.2f} {median / base_median:6.1f}x {p99:9.2f} {p99 / base_p99:6.1f}x"
            f" {len(self.took) / self.seconds:9.0f} {self.cpu_seconds * 1000 / len(self.took):9.2f}"
        )


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def bench(seconds: float, rounds: int) -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cathouse-bench-")))
        world = World(Outside())
        url = await stack.enter_async_context(database_url(folder))
        peers = await stack.enter_async_context(other_services(world))
        cat_port, proxy_port = free_port(), free_port()
        world.endpoint_url = f"http://127.0.0.1:{cat_port}"
        environment = {
            "PORT": str(proxy_port),
            "DATABASE_URL": url,
            "SERVICE_TOKEN": secrets.token_urlsafe(32),
            "AUTH_URL": f"http://127.0.0.1:{peers}",
            "CATALOG_URL": f"http://127.0.0.1:{peers}",
            "INSTALLATION_URL": f"http://127.0.0.1:{peers}",
            "PROXY_ALLOW_PRIVATE_UPSTREAMS": "true",
            "RATE_LIMIT_PER_INSTALLATION": "100000/second",
            "LOG_FORMAT": "json",
        }
        proxy = (sys.executable, "-m", "cathouse_proxy")
        await run(*proxy, "migrate", cwd=folder, **environment)
        root = f"http://127.0.0.1:{proxy_port}"
        started = await stack.enter_async_context(
            service(f"{root}/health/ready", *proxy, "serve", cwd=folder, **environment)
        )
        proxy_process = psutil.Process(started.pid)
        cat = (
            sys.executable,
            "-m",
            "uvicorn",
            "--factory",
            "cathouse_example_tasks.main:create_app",
        )
        await stack.enter_async_context(
            service(
                f"{world.endpoint_url}/health",
                *(*cat, "--port", str(cat_port), "--no-access-log", "--log-level", "warning"),
                cwd=folder,
                CATHOUSE_JWKS_URL=f"{root}/api/v1/proxy/jwks",
                CAT_ID=str(world.cat_id),
            )
        )
        database = Database(SecretStr(url), pool_size=1, application_name="bench")
        stack.push_async_callback(database.close)
        identities = Identities(database, SigningKeys(database))

        print(
            "connections  way      median ms             p99 ms          requests/s  proxy's CPU ms"
        )
        for connections in CONNECTIONS:
            measured = {way: Measured() for way in WAYS}
            for turn in range(rounds + 1):
                # What a cat gets is good for a minute.
                token = await identities.token(
                    person_id=uuid4(),
                    cat_id=world.cat_id,
                    installation_id=world.installation_id,
                    scopes=["tasks:read"],
                )
                requests = {
                    "direct": (cat_port, get("/tasks", token), 200),
                    "proxied": (proxy_port, get(world.path(), world.credential), 200),
                    "refused": (proxy_port, get(world.path("admin"), world.credential), 403),
                    "health": (proxy_port, get("/health", ""), 200),
                }
                for way, request in requests.items():
                    worked = cpu_seconds(proxy_process)
                    took = await measure(*request, connections, seconds)
                    if turn > 0:  # the first one warms up
                        measured[way].took += took
                        measured[way].cpu_seconds += cpu_seconds(proxy_process) - worked
                        measured[way].seconds += seconds
            for way in WAYS:
                print(f"{connections:>11}  {way:<8} {measured[way].line(measured['direct'])}")
        print(
            "\ndirect: the cat itself. proxied: the same through the proxy, with two commits of the audit."
            "\nrefused: by the proxy, for want of a scope, with one commit. health: the proxy's liveness probe."
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    asyncio.run(bench(arguments.seconds, arguments.rounds))


if __name__ == "__main__":
    main()
