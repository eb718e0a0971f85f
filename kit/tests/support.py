"""A small service for the tests, its processes, and calls that HTTP clients cannot send."""

import asyncio
import importlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Annotated, Any, ClassVar

import httpx
from cathouse_kit.database import Session
from cathouse_kit.problems import Problem
from cathouse_kit.schemas import Line, RequestBody
from cathouse_kit.security import anyone
from cathouse_kit.settings import Port, ServiceSettings, ServiceUrl
from cathouse_kit.testing import eventually, free_port
from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import SecretStr, StringConstraints
from sqlalchemy import text
from starlette.responses import StreamingResponse

DEADLINE_SECONDS = 20.0
SAMPLE_PLATFORM = Path(__file__).with_name("sample_platform.py")

TOKEN = "a-service-token-of-more-than-32-characters"
PREVIOUS_TOKEN = "the-service-token-before-that-of-some-length"
DATABASE_PASSWORD = "hunter2-database"
# Nothing listens on port 1.
NO_DATABASE = f"postgresql://nobody:{DATABASE_PASSWORD}@127.0.0.1:1/none"


class SampleSettings(ServiceSettings):
    service_name: str = "sample"
    port: Port = 8099
    people_url: ServiceUrl = "http://people.test"
    catalog_url: ServiceUrl = "http://catalog.test"


def sample_settings(**changes: Any) -> SampleSettings:
    """Return settings that ignore the environment and files."""
    values: dict[str, Any] = {"database_url": NO_DATABASE, "service_token": SecretStr(TOKEN)}
    return SampleSettings(_env_file=None, **(values | changes))


def write_package(root: Path, name: str, files: Mapping[str, str]) -> Path:
    """Write a package, and metadata that says it is installed in version 1.2.3. `root` must be on the module path."""
    for path, content in ({"__init__.py": ""} | dict(files)).items():
        file = root / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(content), encoding="utf-8")
    installed = root / f"{name}-1.2.3.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {name.replace('_', '-')}\nVersion: 1.2.3\n"
        "Summary: A service for tests\n"
    )
    importlib.invalidate_caches()
    return root / name


MODELS = """
    from cathouse_kit.database import service_metadata
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


    class Base(DeclarativeBase):
        metadata = service_metadata("{schema}")


    class Thing(Base):
        __tablename__ = "things"

        name: Mapped[str] = mapped_column(primary_key=True)
"""

FIRST_MIGRATION = """
    import sqlalchemy as sa
    from alembic import op

    revision = "0001"
    down_revision = None


    def upgrade() -> None:
        op.create_table(
            "things",
            sa.Column("name", sa.String(), nullable=False),
            sa.PrimaryKeyConstraint("name", name="pk_things"),
            schema="{schema}",
        )


    def downgrade() -> None:
        op.drop_table("things", schema="{schema}")
"""


def migrated_package(root: Path, name: str, schema: str, **files: str) -> Path:
    """Write a package with a table and the migration that creates it."""
    return write_package(
        root,
        name,
        {
            "models.py": MODELS.format(schema=schema),
            "platform.py": SAMPLE_PLATFORM.read_text(),
            "migrations/versions/0001_things.py": FIRST_MIGRATION.format(schema=schema),
        }
        | files,
    )


class Thing(RequestBody):
    name: Line
    password: Annotated[str, StringConstraints(min_length=12)] = "long enough for it"


class OutOfTea(Problem):
    status: ClassVar[int] = 503
    title = "Out of tea"
    detail = "There is no tea."


class Wrong(RequestBody):
    value: int


def things_router() -> APIRouter:
    """Return a router with a route for each way in which a request can end."""
    router = APIRouter(prefix="/api/v1/sample", tags=["things"], dependencies=[Depends(anyone)])

    @router.get("/things/{thing_id}")
    async def read_thing(thing_id: int) -> dict[str, int]:
        return {"id": thing_id}

    @router.post("/things")
    async def make_thing(thing: Thing) -> dict[str, str]:
        return {"name": thing.name}

    @router.post("/upload")
    async def upload(request: Request) -> dict[str, int]:
        return {"size": sum([len(chunk) async for chunk in request.stream()])}

    @router.get("/unexpected")
    async def unexpected() -> None:
        raise RuntimeError("the password is hunter2")

    @router.get("/tea")
    async def tea() -> None:
        raise OutOfTea(headers={"Retry-After": "60"}, kinds=["green", "black"])

    @router.get("/misfit", response_model=Wrong)
    async def misfit() -> dict[str, str]:
        return {"value": "hunter2"}

    @router.get("/breaks-off")
    async def breaks_off() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"a beginning"
            raise RuntimeError("no end")

        return StreamingResponse(chunks())

    @router.get("/database")
    async def database(session: Session) -> dict[str, int]:
        return {"one": await session.scalar(text("select 1")) or 0}

    return router


async def call(
    app: FastAPI,
    method: str,
    path: str,
    *,
    messages: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Call the app with these messages, without an HTTP client, and disconnect. Return the messages of the app."""
    sent: list[dict[str, Any]] = []
    left = [dict(message) for message in messages]

    async def receive() -> dict[str, Any]:
        return left.pop(0) if left else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in (headers or {}).items()
        ],
        "client": ("192.0.2.7", 12345),
        "server": ("cathouse.test", 80),
        "state": {},
    }
    await app(scope, receive, send)
    return sent


def is_alive(pid: int) -> bool:
    """Return whether the process runs. A zombie process does not run."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@dataclass(slots=True)
class ServiceProcess:
    """`python -m PACKAGE …` with separate settings, in a separate folder."""

    root: Path
    package: str
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[str] | None" = None

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.root),
            "DATABASE_URL": NO_DATABASE,
            "SERVICE_TOKEN": TOKEN,
            "LOG_FORMAT": "json",
            "PORT": str(self.port),
            "SECRETS_DIR": str(self.root / "no-secrets"),
        }
        with (self.root / "stdout").open("w") as out, (self.root / "stderr").open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.package, *arguments],
                cwd=self.root,
                env=environment | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                text=True,
                start_new_session=True,
            )
        return self.process

    @property
    def stdout(self) -> str:
        return (self.root / "stdout").read_text()

    @property
    def stderr(self) -> str:
        return (self.root / "stderr").read_text()

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            timeout=DEADLINE_SECONDS,
            trust_env=False,
            verify=False,  # loading certificates costs more than a request, and plain HTTP needs none
        )

    async def responds(self, path: str, expected: object) -> None:
        """Wait until the path responds with this JSON."""

        async def does() -> bool:
            try:
                async with self.client() as client:
                    return bool((await client.get(path)).json() == expected)
            except httpx.TransportError:
                return False

        await eventually(f"{path} to respond with {expected}; stderr: {self.stderr}", does)

    async def exit_status(self) -> int:
        """Wait for the end of the process."""
        process = self.process
        assert process is not None
        return await asyncio.to_thread(process.wait, DEADLINE_SECONDS)

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


RUNNING_SETTINGS = """
    from cathouse_kit.settings import Port, ServiceSettings, ServiceUrl


    class Settings(ServiceSettings):
        service_name: str = "running"
        port: Port = 8099
        people_url: ServiceUrl = "http://127.0.0.1:1"
"""

RUNNING_MAIN = """
    import asyncio
    import gc
    import os
    from pathlib import Path

    from cathouse_kit.security import anyone
    from cathouse_kit.service import create_service
    from fastapi import APIRouter, Depends

    from {name}.platform import PLATFORM

    router = APIRouter(dependencies=[Depends(anyone)])


    @router.get("/response")
    async def response() -> str:
        return "first"


    @router.get("/process")
    async def process() -> list[int]:
        return [os.getpid(), os.getppid()]


    @router.get("/garbage-collection")
    async def garbage_collection() -> tuple[bool, int]:
        return gc.isenabled(), gc.get_freeze_count()


    @router.get("/slow")
    async def slow() -> str:
        Path("slow-began").touch()
        while not Path("slow-may-end").exists():
            await asyncio.sleep(0.02)
        return "slow, but whole"


    def create_app(settings):
        return create_service(
            settings, platform=PLATFORM, package="{name}", routers=[router]
        )
"""

RUNNING_COMMAND = """
    from cathouse_kit.cli import run_service_command

    if __name__ == "__main__":
        run_service_command("{name}")
"""


def running_package(root: Path, name: str = "cathouse_running") -> Path:
    """Write a package that can be served and migrated."""
    return migrated_package(
        root,
        name,
        "running",
        **{
            "settings.py": RUNNING_SETTINGS,
            "main.py": RUNNING_MAIN.format(name=name),
            "__main__.py": RUNNING_COMMAND.format(name=name),
        },
    )
