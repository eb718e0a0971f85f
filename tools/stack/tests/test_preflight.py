import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest
from cathouse_kit.registry import Service
from cathouse_stack.errors import StackError
from cathouse_stack.ports import endpoints, listener_on, shifted
from cathouse_stack.preflight import SERVICE_TOKEN_FILE, preflight


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def service(unused_tcp_port: int) -> Service:
    return Service(
        name="auth",
        description="People",
        package="cathouse_auth",
        port=unused_tcp_port,
        prefix="/api/v1/auth",
        schema="auth",
        extensions=(),
        calls=(),
    )


@pytest.fixture(autouse=True)
def folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    services: tuple[Service, ...],
    unused_tcp_port_factory: Callable[[], int],
) -> Path:
    """Return an empty repository. The environment moves no port, and make has removed other variables from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CATHOUSE_NOT_INHERITED", "")
    for registered in services:
        monkeypatch.delenv(registered.port_variable, raising=False)
    for name in ("GATEWAY_PORT", "TASKS_PORT"):
        monkeypatch.setenv(name, str(unused_tcp_port_factory()))
    # The tests may run without the project's programs on PATH.
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "caddy").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    (tmp_path / "services/auth").mkdir(parents=True)
    return tmp_path


def test_preflight_creates_the_service_token_once_for_its_owner_only(service: Service) -> None:
    preflight([service])
    token = SERVICE_TOKEN_FILE.read_text()
    assert len(token) >= 32
    assert SERVICE_TOKEN_FILE.stat().st_mode & 0o777 == 0o600
    assert SERVICE_TOKEN_FILE.parent.stat().st_mode & 0o777 == 0o700
    preflight([service])
    assert SERVICE_TOKEN_FILE.read_text() == token


def test_a_port_in_use_is_reported_with_its_process(
    service: Service, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTH_PORT", str(taken))
    with pytest.raises(StackError, match=f"port {taken} of auth is in use by process "):
        preflight([service])
    assert not SERVICE_TOKEN_FILE.exists()


def test_all_problems_are_reported_at_once(
    service: Service, taken: int, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("AUTH_PORT", str(taken))
    (folder / ".env").write_text("DEBUG=true\n")
    (folder / "services/auth/.env").write_text("PORT=9999\n")
    with pytest.raises(StackError) as refused:
        preflight([service])
    lines = str(refused.value).splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("no service reads .env in the root of the repository")
    assert lines[2].startswith("services/auth/.env sets PORT")


def test_a_missing_gateway_program_is_named(
    service: Service, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(StackError, match="caddy, which serves the gateway, is not on PATH: run"):
        preflight([service])


@pytest.mark.parametrize("value", ["0", "65536", "eighty", "-1", "80 80"])
def test_an_invalid_port_is_refused(
    service: Service, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("AUTH_PORT", value)
    with pytest.raises(StackError, match=f"AUTH_PORT={value} is not a port"):
        endpoints([service])


def test_an_offset_moves_every_service(services: tuple[Service, ...]) -> None:
    moved = {service.port_variable: str(service.port + 100) for service in services}
    others = {"GATEWAY_PORT": 8000, "DASHBOARD_PORT": 8001, "TASKS_PORT": 8010}
    moved |= {variable: str(port + 100) for variable, port in others.items()}
    assert shifted(services, "100") == moved


@pytest.mark.parametrize("offset", ["60000", "-1", "some", ""])
def test_an_invalid_offset_is_refused(services: tuple[Service, ...], offset: str) -> None:
    with pytest.raises(
        StackError, match=f"PORT_OFFSET={offset} is not valid: use a number from 0 to"
    ):
        shifted(services, offset)


def test_a_free_port_has_no_listener_and_other_processes_are_not_searched(
    unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Mock()
    monkeypatch.setattr(psutil, "net_connections", search)
    assert listener_on(unused_tcp_port) is None
    search.assert_not_called()


def test_a_port_in_use_is_found_without_the_right_to_list_connections(
    taken: int, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "net_connections", Mock(side_effect=psutil.AccessDenied))
    assert listener_on(taken) == "another process"
    assert listener_on(unused_tcp_port) is None


def test_variables_that_make_did_not_pass_on_are_named_if_they_are_settings(
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "services/auth/.env.example").write_text("DATABASE_URL=\n\n# LOG_LEVEL=INFO\n")
    monkeypatch.setenv("CATHOUSE_NOT_INHERITED", "EDITOR LOG_LEVEL PGHOST DATABASE_URL LS_COLORS")
    preflight([service])
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(
        "These variables are not passed on from the shell: DATABASE_URL, LOG_LEVEL, PGHOST. "
    )
    assert "services/NAME/.env" in line
    assert "make up DATABASE_URL=" in line


def test_without_make_variables_that_change_the_stack_are_refused_without_their_values(
    service: Service, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    (folder / "services/auth/.env.example").write_text("DATABASE_URL=\n\n# LOG_LEVEL=INFO\n")
    monkeypatch.delenv("CATHOUSE_NOT_INHERITED")
    foreign = {"DATABASE_URL", "LOG_LEVEL", "PGOPTIONS", "POSTGRES_URL", "UVICORN_HOST", "EDITOR"}
    for name in foreign:
        monkeypatch.setenv(name, "hunter2")
    with pytest.raises(StackError) as refused:
        preflight([service])
    lines = str(refused.value).splitlines()
    named = {line.partition(" is set in the shell")[0] for line in lines}
    assert foreign - {"EDITOR"} <= named
    assert "EDITOR" not in named
    assert "hunter2" not in str(refused.value)
