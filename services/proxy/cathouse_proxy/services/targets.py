"""The path below a cat's endpoint: read once, and then the same for the scope check and for the cat.

A path that two programs could read differently is refused, for the check and the cat would be those two programs.
"""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from cathouse_proxy.services.errors import RequestRefused, TargetTooLong

MAX_TARGET_BYTES = 8000

# RFC 3986, section 3.3: what a path may be written in.
_PATH = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_QUERY = re.compile(rb"[\x21\x24-\x7e]*")
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_SAFE_IN_SEGMENT = "!$&'()*+,;=:@~"


@dataclass(frozen=True, slots=True)
class Target:
    """Where in a cat a call goes."""

    segments: tuple[str, ...]
    """The path's segments, decoded; a path that ends in a slash has an empty last one."""
    query: str
    """As the caller wrote it, without the question mark."""

    @property
    def path(self) -> str:
        """The path in the one form in which it is checked, written down and sent; begins with a slash."""
        return "".join(f"/{quote(segment, safe=_SAFE_IN_SEGMENT)}" for segment in self.segments)


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
    *inner, last = (_decode(segment) for segment in raw_path.split(b"/"))
    if "" in inner:
        raise RequestRefused("The path has an empty segment (//).")
    return Target((*inner, last), query.decode("ascii"))


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
    if any(unicodedata.category(character) == "Cc" for character in segment):
        raise RequestRefused("The path has control characters in it.")
    if _ESCAPE.search(segment):
        raise RequestRefused("The path is percent-encoded twice.")
    return segment
