"""Errors that are shown to users."""


class PostgresToolError(Exception):
    """An error in one line. It names the wrong value, unless the value is secret, and the next step."""
