"""The path below a cat's endpoint: read once, and then the same for the scope check and for the cat.

A path that two programs could read differently is refused, for the check and the cat would be those two programs.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from cathouse_proxy.services.errors import RequestRefused, TargetTooLong

MAX_TARGET_BYTES = 8000

# RFC 3986, section 3.3: what a path may be written in.
_PATH = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_QUERY = re.compile(rb"[\x21\x24-\x7e]*")
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")  # Unicode's category Cc
_UNRESERVED = re.compile("[A-Za-z0-9._~-]")  # RFC 3986, section 2.3


@dataclass(frozen=True, slots=True)
class Target:
    """Where in a cat a call goes."""

    path: str
    """The path as it is sent and logged. It begins with a slash. Only unreserved characters are decoded, and escapes
    are in upper case, which does not change its meaning (RFC 3986, section 6.2.2)."""
    segments: tuple[str, ...]
    """The path's segments, decoded, for the scope check; a path that ends in a slash has an empty last one."""
    query: str
    """As the caller wrote it, without the question mark."""


def parse_target(raw_path: bytes, query: bytes) -> Target:
    """Reads what follows `/api/v1/proxy/{installation_id}/`, as it came over the wire.

    Raises `RequestRefused` and `TargetTooLong`.
    """
    if len(raw_path) + len(query) > MAX_TARGET_BYTES:
        raise TargetTooLong
    if not _PATH.fullmatch(raw_path):
        raise RequestRefused("The path has characters that must be percent-encoded (RFC 3986).")
    if not _QUERY.fullmatch(query):
        raise RequestRefused("The query has characters that must be percent-encoded (RFC 3986).")
    if b"%2e" in raw_path.lower():
        raise RequestRefused("The path has a percent-encoded dot; a dot needs no encoding.")
    segments = tuple(_decode(segment) for segment in raw_path.split(b"/"))
    if "" in segments[:-1]:
        raise RequestRefused("The path has an empty segment (//).")
    path = _ESCAPE.sub(_normalise, f"/{raw_path.decode('ascii')}")
    return Target(path, segments, query.decode("ascii"))


def _normalise(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if _UNRESERVED.fullmatch(character) else escape[0].upper()


def _decode(raw: bytes) -> str:
    try:
        segment = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise RequestRefused("The path is not UTF-8 when it is decoded.") from error
    # Some servers cut parameters off (RFC 3986, section 3.3) before they look for dots.
    if segment.partition(";")[0] in (".", ".."):
        raise RequestRefused("The path has a segment . or .. in it.")
    if "/" in segment or "\\" in segment:
        raise RequestRefused("The path has an encoded slash or a backslash in it.")
    if _CONTROL.search(segment):
        raise RequestRefused("The path has control characters in it.")
    if _ESCAPE.search(segment):
        raise RequestRefused("The path is percent-encoded twice.")
    return segment
