"""Host names and addresses, as they stand in settings."""

import re
from ipaddress import ip_address

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII | re.IGNORECASE)


def check_host(host: str) -> None:
    """Raise `ValueError` where `host` is neither an IP address nor a host name (RFC 1123, section 2.1).

    Underscores are allowed, because names of containers have them. A name whose last label is a number is an address
    with a mistake.
    """
    try:
        ip_address(host)
        return
    except ValueError:
        pass
    try:
        # The codec with which the resolver encodes names: it raises for them, where no caller expects it.
        name = host.encode("idna").decode().removesuffix(".")
    except UnicodeError:
        name = ""
    labels = name.split(".")
    if len(name) > 253 or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("must name a host: an IP address, or a name such as db.example.com")
