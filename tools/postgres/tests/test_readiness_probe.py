"""The result of the probe for each response of a server."""

from pathlib import Path
from unittest.mock import Mock

import pytest
from cathouse_postgres import ready
from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.probe import why_not_ready
from cathouse_postgres.settings import Settings, State

from .conftest import Responding


def _refusal(code: bytes) -> bytes:
    fields = b"SFATAL\0VFATAL\0C" + code + b"\0Mno\0\0"
    return b"E" + (4 + len(fields)).to_bytes(4, "big") + fields


def test_a_server_that_requests_a_password_is_ready(responding: Responding) -> None:
    port = responding(b"R\0\0\0\x17\0\0\0\nSCRAM-SHA-256\0\0")

    assert why_not_ready("127.0.0.1", port, "postgres", "postgres") is None


def test_a_server_that_refuses_this_role_is_ready_for_others(responding: Responding) -> None:
    port = responding(_refusal(b"28000"))

    assert why_not_ready("127.0.0.1", port, "postgres", "postgres") is None


def test_a_server_that_is_starting_is_not_ready(responding: Responding) -> None:
    port = responding(_refusal(b"57P03"))

    assert (
        why_not_ready("127.0.0.1", port, "postgres", "postgres")
        == f"127.0.0.1:{port} is starting up or shutting down"
    )


def test_another_program_on_the_port_is_not_ready(responding: Responding) -> None:
    port = responding(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    assert why_not_ready("127.0.0.1", port, "postgres", "postgres") == (
        f"127.0.0.1:{port} is not PostgreSQL"
    )


def test_a_program_that_sends_nothing_is_not_ready_after_the_time_limit(
    responding: Responding,
) -> None:
    port = responding(b"")

    assert why_not_ready("127.0.0.1", port, "postgres", "postgres", timeout_seconds=0.05) == (
        f"127.0.0.1:{port} does not respond (timed out)"
    )


def test_a_running_probe_notices_that_the_server_becomes_ready(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    not_yet = PostgresToolError("not ready")
    check = Mock(side_effect=[not_yet, not_yet, None])
    monkeypatch.setattr(ready, "check_ready", check)
    monkeypatch.setattr(ready, "_WAIT_SECONDS", 60)

    ready.wait_until_ready(Settings(State(tmp_path), None, None))

    assert check.call_count == 3


def test_a_failed_probe_reports_the_reason_before_the_next_probe_starts(
    tmp_path: Path,
) -> None:
    assert ready._WAIT_SECONDS < 1

    with pytest.raises(PostgresToolError, match="not ready: no server runs on"):
        ready.wait_until_ready(Settings(State(tmp_path), None, None))
