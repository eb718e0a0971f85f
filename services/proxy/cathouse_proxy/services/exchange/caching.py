"""`Cache-Control` of a cat's response. Only private caches may store it, because it depends on the credential."""

import re
from collections.abc import Sequence
from functools import lru_cache

_DIRECTIVE = r'([!#$%&\'*+.^_`|~0-9a-z-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([!#$%&\'*+.^_`|~0-9a-z-]+)))?'
_EACH = re.compile(_DIRECTIVE)
_LIST = re.compile(rf"[ \t,]*(?:{_DIRECTIVE}[ \t]*(?:,[ \t,]*|$))*")
# RFC 9111, section 5.2.2, RFC 5861 and RFC 8246, without the directives that are only for shared caches.
_FLAGS = frozenset({"immutable", "must-revalidate", "no-cache", "no-store", "no-transform"})
_SECONDS = frozenset({"max-age", "stale-if-error", "stale-while-revalidate"})


def private_cache_control(values: Sequence[bytes]) -> bytes:
    """Return the `Cache-Control` for the caller: `private`, and the directives for private caches.

    If the cat's values cannot be parsed, return `private, no-store` (RFC 9111, section 4.2.1 allows a stricter value).
    """
    if not values:
        return b"private"
    return _private(b", ".join(values))


# Cats repeat the same values. All headers have at most 32 kB, so 256 entries have at most 8 MB.
@lru_cache(256)
def _private(value: bytes) -> bytes:
    text = value.decode("latin-1").lower()
    if not _LIST.fullmatch(text):
        return b"private, no-store"
    kept = ["private"]
    for name, quoted, token in _EACH.findall(text):
        seconds = quoted or token
        if name in _FLAGS:
            # `no-cache="field"` is for one field. Without the argument, it is stricter.
            kept.append(name)
        elif name in _SECONDS and seconds.isascii() and seconds.isdigit():
            kept.append(f"{name}={seconds}")
    return ", ".join(dict.fromkeys(kept)).encode("ascii")
