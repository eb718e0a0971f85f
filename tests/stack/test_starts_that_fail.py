"""A stack that cannot start prints the one error, and leaves nothing running."""

import socket
from collections.abc import Iterator

import psutil
import pytest

from .stack import Stack, stack_in

pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_in(tmp_path_factory.mktemp("stack") / "copy") as stack:
        yield stack


def fails(stack: Stack) -> str:
    stack.start()
    status = stack.process.wait(timeout=60)
    assert status != 0, stack.said()
    postmaster = stack.folder / ".state/postgres/postmaster.pid"
    assert not postmaster.exists() or not psutil.pid_exists(int(postmaster.read_text().split()[0]))
    assert "Traceback" not in stack.said()
    return stack.said()


def test_a_taken_port_is_named_with_who_has_it(stack: Stack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", stack.ports["proxy"]))
        taken.listen()
        said = fails(stack)
    assert f"port {stack.ports['proxy']} of proxy is in use by process" in said
    assert "PORT_OFFSET" in said


def test_a_bad_value_in_a_services_env_file_is_named(stack: Stack) -> None:
    (stack.folder / "services/catalog/.env").write_text("LOG_LEVEL=loud\n")
    assert "catalog: LOG_LEVEL=loud: " in fails(stack)


def test_an_env_file_that_nobody_reads_is_pointed_out(stack: Stack) -> None:
    (stack.folder / ".env").write_text("LOG_LEVEL=DEBUG\n")
    assert "no service reads .env in the root of the repository" in fails(stack)


def test_a_cluster_that_cannot_start_is_named(stack: Stack) -> None:
    cluster = stack.folder / ".state/postgres"
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text("17\n")
    assert "was created by PostgreSQL 17, and this is PostgreSQL 18" in fails(stack)
