"""The path below a cat's endpoint. It is parsed once, for the scope check and for the cat.

An ambiguous path is refused, because the check and the cat could read it differently.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from cathouse_proxy.services.errors import RequestRefused, TargetTooLong

MAX_TARGET_BYTES = 8000

# RFC 3986, section 3.3: the characters of a path.
_PATH = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_QUERY = re.compile(rb"[\x21\x24-\x7e]*")
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")  # Unicode's category Cc
_UNRESERVED = re.compile("[A-Za-z0-9._~-]")  # RFC 3986, section 2.3


@dataclass(frozen=True, slots=True)
class Target:
    """The path and query of a call at the cat."""

    path: str
    """The path to send and to log. It begins with a slash.

    It is normalised without a change of meaning (RFC 3986, section 6.2.2): unreserved characters are decoded, and other
    escapes are in upper case.
    """
    segments: tuple[str, ...]
    """The decoded segments, for the scope check. If the path ends with a slash, the last segment is empty."""
    query: str
    """The query as the caller sent it, without the question mark."""


def parse_target(raw_path: bytes, query: bytes) -> Target:
    """Parse the raw path after `/api/v1/proxy/{installation_id}/`, and the raw query.

    Raises `RequestRefused` and `TargetTooLong`.
    """
    if len(raw_path) + len(query) > MAX_TARGET_BYTES:
        raise TargetTooLong
    if not _PATH.fullmatch(raw_path):
        raise RequestRefused("The path has characters that need percent-encoding (RFC 3986).")
    if not _QUERY.fullmatch(query):
        raise RequestRefused("The query has characters that need percent-encoding (RFC 3986).")
    if b"%2e" in raw_path.lower():
        raise RequestRefused("The path has a percent-encoded dot (%2E). Send a plain dot.")
    segments = tuple(_decode(segment) for segment in raw_path.split(b"/"))
    if "" in segments[:-1]:
        raise RequestRefused("The path has an empty segment (//). Remove one slash.")
    path = _ESCAPE.sub(_normalise, f"/{raw_path.decode('ascii')}")
    return Target(path, segments, query.decode("ascii"))


def _normalise(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if _UNRESERVED.fullmatch(character) else escape[0].upper()


def _decode(raw: bytes) -> str:
    try:
        segment = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise RequestRefused("The decoded path is not valid UTF-8.") from error
    # Some servers remove parameters (RFC 3986, section 3.3) before they look for dots.
    if segment.partition(";")[0] in (".", ".."):
        raise RequestRefused("The path has a segment that is . or .. only. Send the resolved path.")
    if "/" in segment or "\\" in segment:
        raise RequestRefused("The path has an encoded slash or a backslash.")
    if _CONTROL.search(segment):
        raise RequestRefused("The path has control characters.")
    if _ESCAPE.search(segment):
        raise RequestRefused("The path is percent-encoded twice. Encode it once.")
    return segment
