"""A check with one packet that a server accepts connections.

The probe runs every second, and the import of a driver would take ten times as long as the whole probe. It opens a
connection as every client does (https://www.postgresql.org/docs/18/protocol-flow.html, "Start-up"). It closes the
connection when the server requests the password. A server that starts, recovers or shuts down returns an error instead.
"""

import socket
import struct

_PROTOCOL_3 = 196608
_AUTHENTICATION_REQUEST = b"R"
_ERROR = b"E"
_CANNOT_CONNECT_NOW = b"C57P03\0"


def why_not_ready(
    host: str, port: int, user: str, database: str, timeout_seconds: float = 3.0
) -> str | None:
    """Return None when the server accepts connections, else the reason."""
    fields = b"".join(part.encode() + b"\0" for part in ("user", user, "database", database, ""))
    try:
        with socket.create_connection((host, port), timeout_seconds) as connection:
            connection.sendall(struct.pack("!ii", 8 + len(fields), _PROTOCOL_3) + fields)
            response = connection.recv(1024)
    except OSError as error:
        return f"{host}:{port} does not respond ({error.strerror or error})"
    kind = response[:1]
    if kind == _AUTHENTICATION_REQUEST or (kind == _ERROR and _CANNOT_CONNECT_NOW not in response):
        return None
    if kind == _ERROR:
        return f"{host}:{port} is starting up or shutting down"
    return f"{host}:{port} is not PostgreSQL"
