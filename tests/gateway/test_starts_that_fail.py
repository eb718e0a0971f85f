"""A gateway that cannot start says why in its last line, and ends."""

import json
import socket
from pathlib import Path

from cathouse_kit.testing import free_port

from .gateway import started_gateway


def reason(folder: Path, **environment: str) -> str:
    """Return the error of a start that must fail."""
    with started_gateway(folder, **environment) as process:
        assert process.wait(timeout=60) == 1
    error: str = json.loads((folder / "log").read_text().splitlines()[-1])["msg"]
    return error


def test_a_missing_certificate_is_named(tmp_path: Path) -> None:
    certificate = tmp_path / "cats.pem"
    said = reason(
        tmp_path,
        # Without redirects to HTTPS, which would need port 80.
        GATEWAY_ADDRESS=f"https://127.0.0.1:{free_port()}",
        GATEWAY_TLS=f"{certificate} {tmp_path / 'cats.key'}",
    )
    assert f"{certificate}: no such file" in said


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = reason(tmp_path, GATEWAY_ADDRESS=f"http://:{port}")
    assert f"127.0.0.1:{port}" in said
    assert "address already in use" in said
