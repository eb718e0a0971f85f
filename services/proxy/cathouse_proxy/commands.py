"""Command lines of proxy for operators. Functions import what they need, as in `cathouse_kit.cli`."""

import argparse
from datetime import timedelta
from typing import TYPE_CHECKING

from cathouse_kit.cli import (
    Command,
    CommandError,
    require_newest_revision,
    rotate_keys_command,
    with_database,
)

if TYPE_CHECKING:
    from cathouse_kit.database import Database

_PACKAGE = "cathouse_proxy"


def _prune_audit(arguments: argparse.Namespace) -> None:
    async def prune(database: "Database") -> int:
        from cathouse_proxy.services.audit.retention import PruningRefused, delete_older_than

        await require_newest_revision(_PACKAGE, database)
        try:
            return await delete_older_than(database, timedelta(days=arguments.older_than))
        except PruningRefused as error:
            raise CommandError(str(error)) from error

    print(f"{with_database(_PACKAGE, prune, role='pruner')} rows deleted")


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= 36_500:
        raise ValueError
    return days


_days.__name__ = "number of days"  # argparse shows it in "invalid number of days value"


COMMANDS = (
    rotate_keys_command(_PACKAGE, "the identity tokens that cats receive"),
    Command(
        "prune-audit",
        "delete audit rows of calls that began more than DAYS days ago, and print their number;"
        " the service may keep running",
        _prune_audit,
        lambda parser: parser.add_argument(
            "--older-than",
            metavar="DAYS",
            type=_days,
            required=True,
            help="a number of days from 1 to 36500",
        ),
    ),
)
