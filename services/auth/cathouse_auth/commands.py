"""Commands for operators. Imports are inside the functions, for the reason that `cathouse_kit.cli` gives."""

import argparse
import getpass
import sys
from typing import TYPE_CHECKING, Any

from cathouse_kit.cli import (
    Command,
    CommandError,
    require_newest_revision,
    rotate_keys_command,
    with_database,
)

if TYPE_CHECKING:
    from cathouse_kit.database import Database

_PACKAGE = "cathouse_auth"
# In bytes. It exceeds the longest accepted password in UTF-8: a longer line is refused, not cut off.
_LONGEST_LINE = 4096


def _create_admin(arguments: argparse.Namespace) -> None:
    from cathouse_auth.schemas.people import DisplayName, Email
    from cathouse_auth.schemas.secrets import NewPassword

    email = _checked(Email, arguments.email, f"--email {arguments.email}")
    display_name = _checked(
        DisplayName,
        email.partition("@")[0] if arguments.display_name is None else arguments.display_name,
        "--display-name",
    )
    password = _checked(NewPassword, _read_password(), "the password").get_secret_value()

    async def register(database: "Database") -> None:
        from cathouse_platform.admin_actions import record_admin_action
        from cathouse_platform.platform import Role
        from cathouse_platform.security_events import SecurityEvent

        from cathouse_auth.models import AdminAction
        from cathouse_auth.services import accounts
        from cathouse_auth.services.errors import EmailTaken, PasswordIsEmail, PasswordTooWeak
        from cathouse_auth.services.passwords import Passwords

        await require_newest_revision(_PACKAGE, database)
        async with database.sessions() as session:
            try:
                admin = await accounts.register(
                    session,
                    Passwords(),
                    email=email,
                    password=password,
                    display_name=display_name,
                    role=Role.ADMIN,
                )
            except EmailTaken as error:
                raise CommandError(
                    f"--email {email}: an account with this email exists already. Use another email, or ask an admin "
                    "to give this account the role admin"
                ) from error
            except PasswordIsEmail as error:
                raise CommandError("the password must not be the email") from error
            except PasswordTooWeak as error:
                raise CommandError(f"the password {error.why}") from error
            record_admin_action(
                session,
                AdminAction,
                SecurityEvent.ADMIN_CREATED,
                admin_id=None,
                subject_id=admin.id,
            )
            await session.commit()

    with_database(_PACKAGE, register)
    print(f"{email} is an admin")


def _read_password() -> str:
    if sys.stdin.isatty():
        try:
            password = getpass.getpass("Password: ")
            if getpass.getpass("Repeat the password: ") != password:
                raise CommandError("the two passwords are not the same: run the command again")
        except EOFError as error:
            raise CommandError("no password was typed") from error
        return password
    try:
        return sys.stdin.buffer.readline(_LONGEST_LINE).decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise CommandError("the password on standard input is not UTF-8") from error


def _checked(kind: Any, value: str, name: str) -> Any:
    from cathouse_kit.validation_messages import plain_message
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise CommandError(f"{name}: {plain_message(error.errors()[0])}") from error


def _create_admin_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--email", required=True, help="the email that the admin signs in with")
    parser.add_argument(
        "--display-name",
        help="the name that other users see; default: the part of the email before the @",
    )


COMMANDS = (
    Command(
        "create-admin",
        "create an admin; prompts for the password, or reads it as one line from standard input",
        _create_admin,
        _create_admin_arguments,
    ),
    rotate_keys_command(_PACKAGE, "access tokens"),
)
