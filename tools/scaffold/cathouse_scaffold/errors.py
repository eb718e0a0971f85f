"""Errors that a user can fix."""


class ScaffoldError(Exception):
    """An error whose message is shown to the user. It names the wrong value and the next step."""
