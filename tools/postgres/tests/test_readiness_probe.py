"""What the probe makes of the answers that a server can give."""

from cathouse_postgres.probe import why_not_ready

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
