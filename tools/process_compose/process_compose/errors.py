"""What a person did wrong, and how the runner speaks to them."""

import sys

PROGRAM = "process-compose-python"


class UserError(Exception):
    """A mistake to report in one line, without a traceback."""


def notice(text: str) -> None:
    """Says one line on stderr. Never fails: a terminal that went away must not stop a shutdown."""
    try:
        print(f"{PROGRAM}: {text}", file=sys.stderr, flush=True)
    except OSError:
        return
