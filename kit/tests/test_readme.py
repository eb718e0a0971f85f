import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from cathouse_kit.testing import FakeServices, Issuer, running
from httpx import Response

from .support import TOKEN, write_package

pytestmark = pytest.mark.documentation

README = Path(__file__).parent.parent / "README.md"


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The service of the README, in a folder on the module search path."""
    blocks = re.findall(
        r"```python\n# cathouse_notes/(\S+)\n(.*?)```", README.read_text(), re.DOTALL
    )
    assert len(blocks) == README.read_text().count("```python") == 6
    write_package(tmp_path, "cathouse_notes", dict(blocks))
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for module in [name for name in sys.modules if name.partition(".")[0] == "cathouse_notes"]:
        del sys.modules[module]


async def test_the_service_of_the_readme_migrates_and_serves(
    notes: Path, empty_database: str
) -> None:
    connection = await asyncpg.connect(empty_database)
    await connection.execute("drop schema if exists notes cascade; create schema notes")
    await connection.close()

    def migrate() -> str:
        return subprocess.run(
            [sys.executable, "-m", "cathouse_notes", "migrate"],
            cwd=notes,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(notes),
                "DATABASE_URL": empty_database,
                "SERVICE_TOKEN": TOKEN,
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert migrate() == "notes: None → 0001\n"

    platform = importlib.import_module("cathouse_notes.platform").PLATFORM
    issuer, fake_services = Issuer(platform), FakeServices(platform)
    fake_services.on("GET", platform.identity.keys_path, Response(200, json=issuer.jwks()))
    settings = importlib.import_module("cathouse_notes.settings").Settings(
        _env_file=None, database_url=empty_database, service_token=TOKEN
    )
    app = importlib.import_module("cathouse_notes.main").create_app(
        settings, transport=fake_services.transport
    )
    async with running(app) as client:
        assert (await client.get("/health/ready")).status_code == 200
        path = "/api/v1/notes"
        assert (await client.post(path, json={"text": "a"})).status_code == 401
        written = [
            await client.post(path, json={"text": text}, headers=issuer.headers())
            for text in ("a", "b", "c")
        ]
        assert [response.status_code for response in written] == [201] * 3
        first = (await client.get(path, params={"limit": 2})).json()
        second = (await client.get(path, params={"cursor": first["next_cursor"]})).json()
        assert [note["text"] for note in first["items"] + second["items"]] == ["c", "b", "a"]
        assert second["next_cursor"] is None
        note = written[0].json()
        assert (await client.get(f"{path}/{note['id']}")).json() == note
        missing = await client.get(f"{path}/{'0' * 32}")
        assert missing.json()["type"] == "urn:notebook:problem:note_not_found"
        description = (await client.get("/api/v1/openapi.json")).json()
        assert "404" in description["paths"]["/api/v1/notes/{note_id}"]["get"]["responses"]
