"""Whether a server accepts connections, at the price of one packet.

A probe runs each second, and a driver takes ten times as long to import as this takes in all. So it
opens a connection as every client does (https://www.postgresql.org/docs/18/protocol-flow.html,
"Start-up") and leaves when the server asks for the password: a server that still starts, recovers
or shuts down answers with an error instead.
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
    """None when the server accepts connections, else the reason."""
    fields = b"".join(part.encode() + b"\0" for part in ("user", user, "database", database, ""))
    try:
        with socket.create_connection((host, port), timeout_seconds) as connection:
            connection.sendall(struct.pack("!ii", 8 + len(fields), _PROTOCOL_3) + fields)
            answer = connection.recv(1024)
    except OSError as error:
        return f"{host}:{port} does not answer ({error.strerror or error})"
    kind = answer[:1]
    if kind == _AUTHENTICATION_REQUEST or (kind == _ERROR and _CANNOT_CONNECT_NOW not in answer):
        return None
    if kind == _ERROR:
        return f"{host}:{port} is starting up or shutting down"
    return f"{host}:{port} is not PostgreSQL"
