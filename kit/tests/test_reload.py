import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from cathouse_kit.testing import eventually

from .support import ServiceProcess, is_alive, running_package

MakeService = Callable[..., ServiceProcess]


@pytest.fixture
def service(service_process: MakeService, tmp_path: Path) -> ServiceProcess:
    running_package(tmp_path)
    return service_process("cathouse_running")


async def child(service: ServiceProcess) -> int:
    async with service.client() as client:
        pid: int = (await client.get("/process")).json()[0]
        return pid


async def gone(pid: int) -> None:
    async def is_gone() -> bool:
        return not is_alive(pid)

    await eventually(f"process {pid} to be gone", is_gone)


async def test_changes_restart_it_errors_wait_for_a_change_and_sigterm_ends_it(
    service: ServiceProcess, tmp_path: Path
) -> None:
    process = service.start("serve", "--reload")
    await service.responds("/response", "first")
    first = await child(service)
    main = tmp_path / "cathouse_running" / "main.py"
    source = main.read_text()

    main.write_text(source.replace('"first"', '"second"'))
    await service.responds("/response", "second")
    assert not is_alive(first)
    assert "main.py changed: restarting\n" in service.stderr

    main.write_text(source.replace("async def response", "async def response("))

    async def complained() -> bool:
        return "SyntaxError" in service.stderr

    await eventually("the syntax error to show", complained)
    assert process.poll() is None
    main.write_text(source.replace('"first"', '"third"'))
    await service.responds("/response", "third")

    # Editors replace the file. Do it twice, because the first replacement may end a watch.
    for name in ("one", "two"):
        (tmp_path / "new").write_text(f"SERVICE_NAME={name}\n")
        (tmp_path / "new").replace(tmp_path / ".env")

        async def renamed(name: str = name) -> bool:
            return f'"service":"{name}"' in service.stdout

        await eventually(f"a restart with the new .env; stderr: {service.stderr}", renamed)

    last = await child(service)
    process.send_signal(signal.SIGTERM)
    assert await service.exit_status() == 0
    assert not is_alive(last)


async def test_a_killed_child_ends_it_with_the_status_of_the_signal(
    service: ServiceProcess,
) -> None:
    service.start("serve", "--reload")
    await service.responds("/response", "first")
    os.kill(await child(service), signal.SIGKILL)
    assert await service.exit_status() == 128 + signal.SIGKILL


async def test_a_killed_parent_leaves_no_process_behind(service: ServiceProcess) -> None:
    process = service.start("serve", "--reload")
    await service.responds("/response", "first")
    async with service.client() as client:
        left = (await client.get("/process")).json()
    process.kill()
    await service.exit_status()
    for pid in left:
        await gone(pid)


async def test_wrong_settings_are_reported_once_and_wait_for_a_change(
    service: ServiceProcess, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=loud\n")
    process = service.start("serve", "--reload")

    async def told() -> bool:
        return "waits for a change of .env or of its sources" in service.stderr

    await eventually("the message about the wrong setting", told)
    assert "LOG_LEVEL=loud" in service.stderr
    assert process.poll() is None
    (tmp_path / ".env").write_text("LOG_LEVEL=INFO\n")
    await service.responds("/response", "first")
    assert service.stderr.count("LOG_LEVEL=loud") == 1
    process.send_signal(signal.SIGTERM)
    assert await service.exit_status() == 0
