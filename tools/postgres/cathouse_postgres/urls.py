"""Connection URLs of one server for its different roles and databases."""

from urllib.parse import quote, unquote, urlsplit

from cathouse_postgres.errors import PostgresToolError

DEFAULT_PORT = 5432


def url_for(server_url: str, role: str, password: str, database: str) -> str:
    """The URL of another role and database on the same server; options (sslmode) stay."""
    parts = urlsplit(server_url)
    address = parts.netloc.rpartition("@")[2]
    user = f"{quote(role, safe='')}:{quote(password, safe='')}"
    return parts._replace(netloc=f"{user}@{address}", path="/" + quote(database, safe="")).geturl()


def with_database(server_url: str, database: str) -> str:
    """The same URL, leading to another database."""
    return urlsplit(server_url)._replace(path="/" + quote(database, safe="")).geturl()


def password_in(url: str) -> str | None:
    """The password in a URL that this tool made, None when something else stands there."""
    try:
        password = unquote(urlsplit(url).password or "")
    except ValueError:
        return None
    return password if password and password.isascii() else None


def address_in(url: str) -> tuple[str, int, str, str]:
    """Host, port, user and database of a URL, with PostgreSQL's defaults.

    Raises `PostgresToolError`, without printing the URL, when it has another scheme, names no host,
    or its port is no number.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host = None
    if not host or parts.scheme not in ("postgresql", "postgres"):
        raise PostgresToolError(
            "POSTGRES_URL must look like postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
            " (its value is not shown, as it holds a password)"
        )
    user = unquote(parts.username or "postgres")
    return host, port, user, unquote(parts.path[1:]) or user
