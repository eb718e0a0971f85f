"""How long a response of a cat may be kept: by its caller alone, as it depends on their credential."""

import re
from collections.abc import Sequence
from functools import lru_cache

_DIRECTIVE = r'([!#$%&\'*+.^_`|~0-9a-z-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([!#$%&\'*+.^_`|~0-9a-z-]+)))?'
_EACH = re.compile(_DIRECTIVE)
_LIST = re.compile(rf"[ \t,]*(?:{_DIRECTIVE}[ \t]*(?:,[ \t,]*|$))*")
# RFC 9111, section 5.2.2, RFC 5861 and RFC 8246; those for shared caches alone are not among them.
_FLAGS = frozenset({"immutable", "must-revalidate", "no-cache", "no-store", "no-transform"})
_SECONDS = frozenset({"max-age", "stale-if-error", "stale-while-revalidate"})


def private_cache_control(values: Sequence[bytes]) -> bytes:
    """Return the one `Cache-Control` of a response that had these: `private`, and what is said to private caches.

    One that cannot be parsed becomes `no-store` (RFC 9111, section 4.2.1: stricter is always right).
    """
    if not values:
        return b"private"
    return _private(b", ".join(values))


# A cat says the same again and again. A head has 32 kB at most, and so all that is kept 8 MB.
@lru_cache(256)
def _private(value: bytes) -> bytes:
    text = value.decode("latin-1").lower()
    if not _LIST.fullmatch(text):
        return b"private, no-store"
    kept = ["private"]
    for name, quoted, token in _EACH.findall(text):
        seconds = quoted or token
        if name in _FLAGS:
            # `no-cache="field"` is about one field; without its argument it is stricter.
            kept.append(name)
        elif name in _SECONDS and seconds.isascii() and seconds.isdigit():
            kept.append(f"{name}={seconds}")
    return ", ".join(dict.fromkeys(kept)).encode("ascii")
