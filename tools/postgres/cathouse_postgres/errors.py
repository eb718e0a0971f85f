"""What a person gets to read when something is wrong."""


class PostgresToolError(Exception):
    """One line for a person: names the thing, its value if that is no secret, and what to do."""
