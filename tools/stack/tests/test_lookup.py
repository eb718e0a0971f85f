import os
import socket
from pathlib import Path

import pytest
from cathouse_kit.registry import Service
from cathouse_stack import lookup
from cathouse_stack.errors import StackError
from cathouse_stack.lookup import enter_service, find_service, require_running_stack


def test_a_service_is_found_by_its_name(services: tuple[Service, ...]) -> None:
    assert [find_service(services, service.name) for service in services] == list(services)


@pytest.mark.parametrize("name", ["", "cat", "Catalog", "catalog; ls"])
def test_a_missing_or_unknown_name_is_refused_with_the_known_names(
    services: tuple[Service, ...], name: str
) -> None:
    with pytest.raises(StackError) as refused:
        find_service(services, name)
    (line,) = str(refused.value).splitlines()
    assert f"SERVICE={name}" in line
    assert line.endswith("Use one of " + ", ".join(service.name for service in services))


def test_the_stack_runs_while_its_socket_accepts_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StackError, match="make up"):
        require_running_stack()
    lookup.SOCKET.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as runner:
        runner.bind(str(lookup.SOCKET))
        runner.listen()
        require_running_stack()
    # The file of a killed runner remains.
    with pytest.raises(StackError, match="make up"):
        require_running_stack()


def test_a_command_of_a_service_has_the_settings_of_the_stack(
    services: tuple[Service, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    moved = {"AUTH_PORT": "18005", "CATALOG_PORT": "18002"}
    monkeypatch.setattr(os, "environ", moved)
    catalog = find_service(services, "catalog")
    Path("services/catalog").mkdir(parents=True)
    enter_service(services, catalog)
    assert Path.cwd() == tmp_path / "services/catalog"
    assert moved["AUTH_URL"] == "http://127.0.0.1:18005"
    assert moved["PORT"] == "18002"
    assert moved["SECRETS_DIR"] == "../../.state/secrets"
