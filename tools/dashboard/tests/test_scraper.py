from pathlib import Path

import httpx
from cathouse_dashboard.collect.postgres import read_schemas
from cathouse_dashboard.collect.scraper import Scraper, read_key, series_key
from cathouse_dashboard.collect.usage import UsageMeter

from .support import SERVICES, settings


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.port == 8004:
        raise httpx.ConnectError("down")
    if request.url.path == "/metrics":
        return httpx.Response(200, text='up{a="b=c"} 1\n')
    return httpx.Response(503, json={"checks": {"database": {"status": "failed"}}})


async def test_services_that_answer_are_read_and_others_are_down(tmp_path: Path) -> None:
    scraper = Scraper(settings(tmp_path).endpoints, transport=httpx.MockTransport(answer))
    (sample,) = await scraper.scrape()
    assert (sample.service, sample.values) == ("auth", {series_key("up", {"a": "b=c"}): 1.0})
    assert read_key(next(iter(sample.values))) == ("up", {"a": "b=c"})
    states = await scraper.readiness()
    assert (states["auth"].state, states["proxy"].state) == ("not ready", "down")
    assert states["auth"].checks == {"database": {"status": "failed"}}
    await scraper.close()


async def test_another_program_on_the_port_is_named_so(tmp_path: Path) -> None:
    other = httpx.MockTransport(lambda request: httpx.Response(200, text="<html>"))
    scraper = Scraper(settings(tmp_path).endpoints, transport=other)
    assert {state.state for state in (await scraper.readiness()).values()} == {
        "another program answers"
    }
    await scraper.close()


async def test_schemas_say_why_they_cannot_be_read(tmp_path: Path) -> None:
    secrets = tmp_path / "auth_owner"
    secrets.mkdir()
    (secrets / "database_url").write_text("postgresql://auth_owner:hunter2@127.0.0.1:1/cathouse")
    auth, proxy = await read_schemas(SERVICES, tmp_path)
    assert auth.problem.startswith("PostgreSQL does not answer")
    assert "hunter2" not in auth.problem
    assert "starting" in proxy.problem


def test_the_usage_of_processes_that_ended_is_left_out() -> None:
    import os

    found = UsageMeter().measure({"this": os.getpid(), "none": 2**22 + 1})
    assert list(found) == ["this"]
    assert found["this"].memory > 1_000_000
    assert found["this"].cpu is None
