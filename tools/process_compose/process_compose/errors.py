"""Mistakes of the user, and messages on stderr."""

import sys

PROGRAM = "process-compose-python"


class UserError(Exception):
    """A mistake of the user. It is reported in one line, without a traceback."""


def notice(text: str) -> None:
    """Print one line to stderr. Never fails, because a closed terminal must not stop a shutdown."""
    try:
        print(f"{PROGRAM}: {text}", file=sys.stderr, flush=True)
    except OSError:
        return
