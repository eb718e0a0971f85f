"""What an operator does on the command line. Imports stand inside the functions, as in `cathouse_kit.cli`."""

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
# More than the longest password that may be typed, in UTF-8, so that a longer one is refused and not cut off.
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
                    f"--email {email}: someone has this email already; use another, or let an admin make them one"
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
            if getpass.getpass("The same again: ") != password:
                raise CommandError("the two passwords are not the same")
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
    parser.add_argument("--email", required=True, help="what the admin signs in with")
    parser.add_argument(
        "--display-name", help="what others see; by default what stands before the @ of the email"
    )


COMMANDS = (
    Command(
        "create-admin",
        "make an admin; the password is asked for, or is one line of standard input",
        _create_admin,
        _create_admin_arguments,
    ),
    rotate_keys_command(_PACKAGE, "access tokens"),
)
