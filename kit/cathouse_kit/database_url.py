"""`DATABASE_URL`: connection URIs of libpq (PostgreSQL manual, section 32.1.1.2), parsed once at the start.

asyncpg parses such a URL only when it connects. It sends unknown parameters to the server as settings. It reads missing
parameters from the `PG…` environment variables. Here, unknown parameters are refused by name, and the URL alone decides
the server, the role and the options of a connection.
"""

import os
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from getpass import getuser
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

from cathouse_kit.hosts import check_host

_SCHEME = "postgresql://"
_DEFAULT_PORT = 5432
_MAX_CONNECT_SECONDS = 60
_ENCODE = "write special characters of a name or a password as %XX"
# The longest address of a Unix socket (unix(7)), without the NUL at its end.
_MAX_SOCKET_PATH = 107

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# asyncpg accepts these only in a URL. Files that they name are also read here, to find a wrong one at the start.
_SSL_PARAMETERS = frozenset(
    {
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "sslpassword",
        "sslcrl",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
    }
)
_TLS_VERSIONS = ("TLSv1.2", "TLSv1.3")
_OPTION = re.compile(r"(-c\s*|--)[A-Za-z_][A-Za-z0-9_.-]*=(\\.|[^\s\\])*")


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A connection, as a URL describes it. `repr` shows no password."""

    hosts: tuple[tuple[str, int], ...]
    """The hosts in the order of attempts: a name, an address or the folder of a Unix socket, and the port."""
    connect_seconds: int | None
    """Time limit for a connection to one host, or None if the URL has none."""
    arguments: Mapping[str, Any] = field(repr=False)
    """Keywords of `asyncpg.connect`, except the host, the port and the server's settings."""
    server_settings: Mapping[str, str]
    """Settings of the server for this connection."""
    socket_options: tuple[tuple[int, int, int], ...]
    """Arguments of `socket.setsockopt` for a TCP connection."""


def parse_database_url(url: str) -> DatabaseUrl:
    """Parse the URL. Raises `ValueError` with a message that names the parameter and quotes no secret."""
    if not url.startswith(_SCHEME):
        raise ValueError(f"must be a URL that begins with {_SCHEME}")
    main, _, query = url.removeprefix(_SCHEME).partition("?")
    authority, _, path = main.partition("/")
    user_info, at, host_list = authority.rpartition("@")
    if "@" in user_info:
        raise ValueError(f"has more than one @; {_ENCODE}")
    user, colon, password = user_info.partition(":")
    if "@" in query:
        raise ValueError(f"has an @ after its ?; {_ENCODE}")
    values = _read_query(query)
    if path:
        values.setdefault("dbname", _decode(path))
    if at and user:
        values.setdefault("user", _decode(user))
    if at and colon:
        values.setdefault("password", _decode(password))
    hosts = _hosts(host_list, values)
    if "@" in path:
        raise ValueError(f"has an @ after its host; {_ENCODE}")
    return DatabaseUrl(
        hosts=hosts,
        connect_seconds=_optional_number(values, "connect_timeout", 1, _MAX_CONNECT_SECONDS),
        arguments=_arguments(values),
        server_settings={
            name: values[name] for name in ("application_name", "options") if name in values
        },
        socket_options=_socket_options(values),
    )


def _decode(text: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", text) or "%00" in text:
        raise ValueError(f"has a % that does not begin an encoded character; {_ENCODE}")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("has %XX that is not UTF-8") from None


def _read_query(query: str) -> dict[str, str]:
    # Not parse_qs, which decodes a + to a space. libpq keeps a +.
    values: dict[str, str] = {}
    for part in query.split("&") if query else ():
        name, equals, value = part.partition("=")
        if not equals or "=" in value:
            raise ValueError("must have parameters such as ?sslmode=require&connect_timeout=5")
        name = _decode(name)
        if name not in _PARAMETERS:
            shown = name[:40] if name.isidentifier() else "a parameter"
            raise ValueError(
                f"{shown}: is not a known parameter; use {', '.join(sorted(_PARAMETERS))}. "
                "Write settings of the server as options=-c%20NAME%3DVALUE"
            )
        values[name] = _decode(value)
        check = _PARAMETERS[name]
        if check and values[name]:
            check(name, values[name])
    return {name: value for name, value in values.items() if value}


def _hosts(host_list: str, values: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    hosts, ports = _split_authority(host_list)
    if named := values.get("host"):
        hosts = named.split(",")
    if addresses := values.get("hostaddr"):
        hosts = _addresses(hosts, addresses.split(","), values)
    if named_ports := values.get("port"):
        ports = named_ports.split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise ValueError("must have one port for all hosts, or one for each")
    if hosts in ([], [""]):
        raise ValueError(
            "has no host: write postgresql://ROLE:PASSWORD@HOST:PORT/DATABASE, "
            "or ?host=/FOLDER for a Unix socket"
        )
    return tuple((_host(host), _port(port)) for host, port in zip(hosts, ports, strict=True))


def _split_authority(host_list: str) -> tuple[list[str], list[str]]:
    hosts, ports = [], []
    for part in host_list.split(","):
        if part.startswith("["):
            host, bracket, rest = part[1:].partition("]")
            colon, port = rest[:1], rest[1:]
            if not bracket or colon not in ("", ":"):
                raise ValueError("must have IPv6 addresses in brackets, such as [::1]:5432")
            if "." not in host and ":" not in host:
                raise ValueError("must have only an IPv6 address in brackets")
        else:
            host, _, port = part.partition(":")
        hosts.append(_decode(host))
        ports.append(_decode(port))
    return hosts, ports


def _addresses(hosts: list[str], addresses: list[str], values: Mapping[str, str]) -> list[str]:
    if values.get("sslmode") == "verify-full" and hosts not in ([""], addresses):
        raise ValueError(
            "hostaddr: cannot be used with sslmode=verify-full, "
            "because the driver checks the certificate against the address; remove hostaddr"
        )
    for address in addresses:
        try:
            ip_address(address)
        except ValueError:
            raise ValueError("hostaddr: must be IP addresses, separated by commas") from None
    return addresses


def _host(host: str) -> str:
    if host.startswith("/"):
        if len(os.fsencode(f"{host}/.s.PGSQL.65535")) > _MAX_SOCKET_PATH:
            raise ValueError(
                "has a path for a Unix socket that is too long: use a folder with a shorter path"
            )
        return host
    try:
        check_host(host)
    except ValueError as error:
        raise ValueError(f"{error}; {_ENCODE}") from None
    return host


def _port(port: str) -> int:
    if not port:
        return _DEFAULT_PORT
    if not (port.isascii() and port.isdigit()):
        raise ValueError(
            "has a port that is not a number; write special characters of a password as %XX"
        )
    if len(port) > 5 or not 1 <= int(port) <= 65535:
        raise ValueError("must have a port from 1 to 65535")
    return int(port)


def _optional_number(values: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    if name not in values:
        return None
    value = values[name]
    if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
        raise ValueError(f"{name}: must be a whole number from {least} to {most}")
    return int(value)


def _arguments(values: Mapping[str, str]) -> dict[str, Any]:
    user = values.get("user") or _user_of_this_process()
    return {
        "dsn": f"{_SCHEME}?{urlencode(_ssl(values))}",
        "user": user,
        "password": values.get("password"),
        "passfile": values.get("passfile"),
        "database": values.get("dbname") or user,
        "target_session_attrs": values.get("target_session_attrs", "any"),
    }


def _user_of_this_process() -> str:
    try:
        return getuser()
    except (KeyError, OSError):
        raise ValueError(
            "has no role, and this process has no user name to use instead: add the role"
        ) from None


def _ssl(values: Mapping[str, str]) -> dict[str, str]:
    given = {"sslmode": "prefer"} | {
        name: value for name, value in values.items() if name in _SSL_PARAMETERS
    }
    if given["sslmode"] in ("verify-ca", "verify-full") and "sslrootcert" not in given:
        raise ValueError(
            f"sslmode: {given['sslmode']} needs sslrootcert=FILE with the certificate authorities"
        )
    if ("sslkey" in given) != ("sslcert" in given):
        raise ValueError("sslcert, sslkey: must be given together")
    if given.get("ssl_min_protocol_version", "") > given.get("ssl_max_protocol_version", "~"):
        raise ValueError("ssl_min_protocol_version: must not be above ssl_max_protocol_version")
    if "sslcert" in given:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_cert_chain(
                given["sslcert"], given["sslkey"], lambda: given.get("sslpassword", "")
            )
        except (OSError, ValueError) as error:
            raise ValueError(f"sslcert, sslkey: cannot be used: {_reason(error)}") from None
    return given


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)


def _socket_options(values: Mapping[str, str]) -> tuple[tuple[int, int, int], ...]:
    # Keepalives are on by default, as in libpq.
    on = _optional_number(values, "keepalives", 0, 1) != 0
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(on))]
    for name, option, most in (
        ("keepalives_idle", "TCP_KEEPIDLE", 32767),
        ("keepalives_interval", "TCP_KEEPINTVL", 32767),
        ("keepalives_count", "TCP_KEEPCNT", 127),
        ("tcp_user_timeout", "TCP_USER_TIMEOUT", 2**31 - 1),
    ):
        number = _optional_number(values, name, 0, most)
        # 0 means the default of the system. Like libpq, ignore an option that the system does not have.
        if number and hasattr(socket, option) and (on or name == "tcp_user_timeout"):
            options.append((socket.IPPROTO_TCP, getattr(socket, option), number))
    return tuple(options)


_Check = Callable[[str, str], None]


def _one_of(*allowed: str, reason: str = "") -> _Check:
    def check(name: str, value: str) -> None:
        if value not in allowed:
            raise ValueError(f"{name}: must be {' or '.join(allowed)}{reason}")

    return check


def _certificates(name: str, value: str) -> None:
    if value == "system":
        raise ValueError(f"{name}: must name a file; the driver does not support the value system")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=value)
    except (OSError, ValueError) as error:
        raise ValueError(f"{name}: cannot be used: {_reason(error)}") from None


def _password_file(name: str, value: str) -> None:
    try:
        readable_by_others = Path(value).stat().st_mode & 0o077
        Path(value).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ValueError(f"{name}: cannot be read: {_reason(error)}") from None
    if readable_by_others:
        raise ValueError(f"{name}: must be readable only by its owner: run chmod 600 on the file")


def _server_options(name: str, value: str) -> None:
    if not re.fullmatch(rf"\s*{_OPTION.pattern}(\s+{_OPTION.pattern})*\s*", value):
        raise ValueError(
            f"{name}: must have the form -c statement_timeout=5s, with spaces and = encoded as %XX"
        )


def _line(name: str, value: str) -> None:
    if not value.isprintable() or len(value.encode()) > 63:
        raise ValueError(f"{name}: must be one line of at most 63 bytes")


_PARAMETERS: dict[str, _Check | None] = {
    **dict.fromkeys(("host", "hostaddr", "port", "dbname", "user", "password")),
    **dict.fromkeys(("connect_timeout", "keepalives", "keepalives_idle")),
    **dict.fromkeys(("keepalives_interval", "keepalives_count", "tcp_user_timeout")),
    "application_name": _line,
    "channel_binding": _one_of(
        "prefer",
        "disable",
        reason="; the driver has no channel binding. Use sslmode=verify-full to verify the server",
    ),
    "client_encoding": _one_of("auto", "UTF8", "utf8", "UTF-8", "utf-8"),
    "gssencmode": _one_of("prefer", "disable", reason="; the driver has no GSSAPI encryption"),
    "options": _server_options,
    "passfile": _password_file,
    "sslmode": _one_of(*_SSL_MODES),
    "sslrootcert": _certificates,
    "sslcrl": _certificates,
    "sslcert": None,
    "sslkey": None,
    "sslpassword": None,
    "ssl_min_protocol_version": _one_of(*_TLS_VERSIONS),
    "ssl_max_protocol_version": _one_of(*_TLS_VERSIONS),
    "target_session_attrs": _one_of(
        "any", "read-write", "primary", reason=", because a service writes"
    ),
}
