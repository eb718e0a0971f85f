"""Programs that a fork server starts. They behave as if Python had started them, but have libraries imported."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cathouse_kit.fork_server import VARIABLE
from cathouse_kit.testing import eventually

from .support import DEADLINE_SECONDS, ServiceProcess, is_alive, running_package

# Libraries import these modules, but no service uses them.
UNUSED = {"rich", "pygments", "httpx._main", "watchfiles"}
PROGRAM = """
    import json, os, sys

    print(json.dumps({
        "argv": sys.argv[1:],
        "main": __name__,
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "modules": sorted(name for name, module in sys.modules.items() if module),
        "parent": os.getppid(),
    }))
    print("and this", file=sys.stderr)
    sys.exit(7)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "program.py").write_text("if True:" + PROGRAM)
    return tmp_path


@pytest.fixture
def server(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A shared fork server, with a socket in the folder."""
    with subprocess.Popen(
        [sys.executable, "-m", "cathouse_kit.fork_server", "listen", "socket"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listens on socket\n"
        yield process
        process.kill()


def run(folder: Path, *command: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "cathouse_kit.fork_server", "run", *command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], VARIABLE: "socket", "PYTHONPATH": str(folder)}
        | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_program_has_the_environment_of_the_requesting_process(
    folder: Path, server: "subprocess.Popen[str]"
) -> None:
    client = run(folder, "program", "--flag", "é", COLOUR="red")
    out, err = client.communicate(timeout=DEADLINE_SECONDS)
    told = json.loads(out)
    assert told["argv"] == ["--flag", "é"]
    assert told["main"] == "__main__"
    assert Path(told["folder"]) == folder.resolve()
    assert told["environment"]["COLOUR"] == "red"
    assert told["environment"].keys() <= {"COLOUR", "PATH", "PYTHONPATH", "LC_CTYPE", VARIABLE}
    assert err == "and this\n"
    assert client.returncode == 7
    assert told["parent"] == server.pid


def test_libraries_are_imported_and_no_code_of_the_project(
    folder: Path, server: "subprocess.Popen[str]"
) -> None:
    out, _ = run(folder, "program").communicate(timeout=DEADLINE_SECONDS)
    modules = json.loads(out)["modules"]
    assert {"fastapi", "sqlalchemy.ext.asyncio", "uvloop"} <= set(modules)
    assert [name for name in modules if name.startswith("cathouse")] == []
    assert UNUSED.isdisjoint(modules)


def test_without_a_shared_server_a_program_starts_one_that_ends_with_it(folder: Path) -> None:
    client = run(folder, "program", **{VARIABLE: ""})
    out, _ = client.communicate(timeout=DEADLINE_SECONDS)
    assert client.returncode == 7
    assert json.loads(out)["parent"] not in (os.getpid(), client.pid)


async def test_a_program_is_killed_with_the_requesting_process(
    folder: Path, server: "subprocess.Popen[str]"
) -> None:
    (folder / "program.py").write_text(
        "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(3600)"
    )
    client = run(folder, "program")
    assert client.stdout is not None
    pid = int(client.stdout.readline())
    client.kill()
    client.communicate()

    async def gone() -> bool:
        return not is_alive(pid)

    await eventually("the program to end", gone)


def test_an_end_by_a_signal_has_the_exit_status_of_shells(
    folder: Path, server: "subprocess.Popen[str]"
) -> None:
    (folder / "program.py").write_text("import os\nos.kill(os.getpid(), 15)")
    client = run(folder, "program")
    client.communicate(timeout=DEADLINE_SECONDS)
    assert client.returncode == 128 + signal.SIGTERM


def test_a_program_without_its_server_fails(folder: Path) -> None:
    client = run(folder, "program")
    _, err = client.communicate(timeout=DEADLINE_SECONDS)
    assert client.returncode == 1
    assert "FileNotFoundError" in err


async def test_a_service_imports_no_unused_parts_of_libraries(
    service_process: Callable[..., ServiceProcess], tmp_path: Path
) -> None:
    package = running_package(tmp_path)
    with (package / "main.py").open("a") as main:
        main.write("import sys\nmodules = [name for name in sys.modules if sys.modules[name]]\n")
        main.write("Path('modules').write_text(' '.join(modules))\n")
    service = service_process("cathouse_running")
    service.start("serve")
    await service.responds("/response", "first")
    modules = (tmp_path / "modules").read_text().split()
    assert {"httpx", "pydantic"} <= set(modules)
    assert UNUSED.isdisjoint(modules)


async def test_services_share_one_server_and_outlive_it(
    service_process: Callable[..., ServiceProcess],
    tmp_path: Path,
    server: "subprocess.Popen[str]",
) -> None:
    running_package(tmp_path)
    service = service_process("cathouse_running", **{VARIABLE: "socket"})
    service.start("serve", "--reload")
    await service.responds("/response", "first")
    async with service.client() as client:
        assert (await client.get("/process")).json()[1] == server.pid
        server.terminate()
        server.wait(DEADLINE_SECONDS)
        assert (await client.get("/response")).json() == "first"


def start_by_a_runner_that_dies(folder: Path) -> int:
    """Start a shared server, kill the process that started it, and return the server's pid."""
    command = f"{sys.executable} -m cathouse_kit.fork_server listen socket & echo $!; wait"
    with subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as runner:
        assert runner.stdout is not None
        pid = int(runner.stdout.readline())
        assert runner.stdout.readline() == "listens on socket\n"
        runner.kill()
    return pid


async def test_a_shared_server_ends_with_the_runner_that_started_it(tmp_path: Path) -> None:
    pid = start_by_a_runner_that_dies(tmp_path)

    async def gone() -> bool:
        return not is_alive(pid)

    await eventually("the server to end", gone)
