"""Requests to change the protocol, such as `Upgrade: h2c`, which clients send along with ordinary requests.

A server may ignore them (RFC 9110, section 7.8), and this one does. httptools stops reading at the head of such a
request, as if the other protocol began there: the body would be lost, or be read as the next request.
"""

from typing import Any, Protocol

import httptools


class _Request(Protocol):
    """What uvicorn's protocol knows of the request whose head it has just read."""

    url: bytes
    headers: list[tuple[bytes, bytes]]


class UpgradeIgnoringParser(httptools.HttpRequestParser):
    """A parser that reads a request with `Upgrade` once more, without asking to change the protocol.

    Its protocol must pass over the first reading: `is_upgrade` says that it is one. `Upgrade` itself stays among the
    headers; only `Connection` does not name it.
    """

    def __init__(self, protocol: _Request) -> None:
        super().__init__(protocol)
        self._protocol = protocol

    @property
    def is_upgrade(self) -> bool:
        """Whether the head that was just read asks for another protocol; CONNECT is left to whoever refuses it."""
        return self.should_upgrade() and self.get_method() != b"CONNECT"

    def feed_data(self, data: Any) -> None:
        while True:
            try:
                super().feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                head = self._head_without_upgrade() if self.is_upgrade else None
                if head is None:
                    raise
                data = head + data[upgrade.args[0] :]
            else:
                return

    def _head_without_upgrade(self) -> bytes | None:
        """The head to read instead; None where it would be the same."""
        version = self.get_http_version().encode("ascii")
        lines = [b"%b %b HTTP/%b" % (self.get_method(), self._protocol.url, version)]
        changed = False
        for name, value in self._protocol.headers:
            shown = value
            if name == b"connection":
                options = [option.strip() for option in value.split(b",")]
                kept = [option for option in options if option.lower() != b"upgrade"]
                shown = b", ".join(kept)
                changed = changed or kept != options
            lines.append(b"%b: %b" % (name, shown))
        return b"\r\n".join([*lines, b"", b""]) if changed else None
