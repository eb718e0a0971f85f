"""Checks of the head of a request before the service gets it: one host, one framing, a supported version.

The parser (llhttp) refuses most malformed requests. These are the rules of RFC 9112 that it does not check.
"""

import re
from collections.abc import Iterable
from typing import ClassVar

from cathouse_kit.problems import BadRequest, Problem

_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class MalformedRequest(BadRequest):
    """The bytes are not HTTP/1.1, or are ambiguous."""

    title = "Malformed request"


class HttpVersionNotSupported(Problem):
    status: ClassVar[int] = 505
    title = "HTTP version not supported"
    detail = "This HTTP version is not supported. Send the request with HTTP/1.1 or HTTP/1.0."


def check_head(version: str, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Check a parsed head. The names of `headers` must be in lower case.

    Raises `MalformedRequest` (RFC 9112, sections 3.2 and 6.1) and `HttpVersionNotSupported`.
    """
    if version not in ("1.1", "1.0"):
        raise HttpVersionNotSupported
    host = coding = None
    for name, value in headers:
        if name == b"host":
            if host is not None:
                raise MalformedRequest("The request has more than one Host header. Send it once.")
            host = value
        elif name == b"transfer-encoding":
            if coding is not None or value.lower() != b"chunked":
                raise MalformedRequest(
                    "The Transfer-Encoding is not supported. Send `Transfer-Encoding: chunked` or a Content-Length."
                )
            coding = value
    if host is None:
        if version == "1.1":
            raise MalformedRequest("The Host header is missing. HTTP/1.1 requires it.")
    elif not _HOST.fullmatch(host):
        raise MalformedRequest(
            "The Host header is invalid. Send a host name or an IP address, with an optional port."
        )
    if coding is not None and version == "1.0":
        raise MalformedRequest("HTTP/1.0 has no Transfer-Encoding. Send a Content-Length.")
    if b"#" in target:
        raise MalformedRequest("The request target has a fragment. Remove # and the text after it.")
    if not target.startswith((b"/", b"http://", b"https://")) and target != b"*":
        raise MalformedRequest(
            "The request target is not a path. Send a path such as /api/v1/health."
        )
