"""Host names and addresses in settings."""

import re
from ipaddress import ip_address

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII | re.IGNORECASE)


def check_host(host: str) -> None:
    """Raise `ValueError` if `host` is neither an IP address nor a host name (RFC 1123, section 2.1).

    Underscores are accepted, because names of containers have them. A name with a number as its last label is refused,
    because it is a wrong IP address.
    """
    try:
        ip_address(host)
        return
    except ValueError:
        pass
    try:
        # The resolver encodes names with this codec. It would raise for wrong names later, in unexpected places.
        name = host.encode("idna").decode().removesuffix(".")
    except UnicodeError:
        name = ""
    labels = name.split(".")
    if len(name) > 253 or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("must name a host: an IP address, or a name such as db.example.com")
