"""Connection URLs of one server for its different roles and databases."""

from urllib.parse import quote, unquote, urlsplit

from cathouse_postgres.errors import PostgresToolError

DEFAULT_PORT = 5432


def url_for(server_url: str, role: str, password: str, database: str) -> str:
    """Return the URL of another role and database on the same server. Options such as sslmode stay."""
    parts = urlsplit(server_url)
    address = parts.netloc.rpartition("@")[2]
    user = f"{quote(role, safe='')}:{quote(password, safe='')}"
    return parts._replace(netloc=f"{user}@{address}", path="/" + quote(database, safe="")).geturl()


def with_database(server_url: str, database: str) -> str:
    """Return the same URL with another database."""
    return urlsplit(server_url)._replace(path="/" + quote(database, safe="")).geturl()


def password_in(url: str) -> str | None:
    """Return the password in a URL that this tool wrote, or None for any other text."""
    try:
        password = unquote(urlsplit(url).password or "")
    except ValueError:
        return None
    return password if password and password.isascii() else None


def address_in(url: str) -> tuple[str, int, str, str]:
    """Return the host, port, user and database of a URL, with the defaults of PostgreSQL.

    Raises `PostgresToolError` when the URL has another scheme, no host, or an invalid port. The message does not
    contain the URL.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host = None
    if not host or parts.scheme not in ("postgresql", "postgres"):
        raise PostgresToolError(
            "POSTGRES_URL must have the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
            " (its value is not shown, because it contains a password)"
        )
    user = unquote(parts.username or "postgres")
    return host, port, user, unquote(parts.path[1:]) or user
