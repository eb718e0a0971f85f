"""What the probe makes of the answers that a server can give."""

from pathlib import Path
from unittest.mock import Mock

import pytest
from cathouse_postgres import ready
from cathouse_postgres.errors import PostgresToolError
from cathouse_postgres.probe import why_not_ready
from cathouse_postgres.settings import Settings, State

from .conftest import Answering


def _refusal(code: bytes) -> bytes:
    fields = b"SFATAL\0VFATAL\0C" + code + b"\0Mno\0\0"
    return b"E" + (4 + len(fields)).to_bytes(4, "big") + fields


def test_a_server_that_asks_for_a_password_is_ready(answering: Answering) -> None:
    port = answering(b"R\0\0\0\x17\0\0\0\nSCRAM-SHA-256\0\0")

    assert why_not_ready("127.0.0.1", port, "postgres", "postgres") is None


def test_a_server_that_refuses_this_role_is_ready_for_others(answering: Answering) -> None:
    port = answering(_refusal(b"28000"))

    assert why_not_ready("127.0.0.1", port, "postgres", "postgres") is None


def test_a_server_that_is_starting_is_not_ready(answering: Answering) -> None:
    port = answering(_refusal(b"57P03"))

    assert (
        why_not_ready("127.0.0.1", port, "postgres", "postgres")
        == f"127.0.0.1:{port} is starting up or shutting down"
    )


def test_another_program_on_the_port_is_not_ready(answering: Answering) -> None:
    port = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    assert why_not_ready("127.0.0.1", port, "postgres", "postgres") == (
        f"127.0.0.1:{port} is not PostgreSQL"
    )


def test_a_program_that_says_nothing_is_not_ready_after_the_time_limit(
    answering: Answering,
) -> None:
    port = answering(b"")

    assert why_not_ready("127.0.0.1", port, "postgres", "postgres", timeout_seconds=0.05) == (
        f"127.0.0.1:{port} does not answer (timed out)"
    )


def test_a_server_that_gets_ready_during_the_probe_is_noticed_by_that_probe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    not_yet = PostgresToolError("not ready")
    asked = Mock(side_effect=[not_yet, not_yet, None])
    monkeypatch.setattr(ready, "check_ready", asked)
    monkeypatch.setattr(ready, "_WAIT_SECONDS", 60)

    ready.wait_until_ready(Settings(State(tmp_path), None, None))

    assert asked.call_count == 3


def test_a_probe_of_a_server_that_stays_away_says_why_before_the_next_is_due(
    tmp_path: Path,
) -> None:
    assert ready._WAIT_SECONDS < 1

    with pytest.raises(PostgresToolError, match="not ready: no server is up on"):
        ready.wait_until_ready(Settings(State(tmp_path), None, None))
