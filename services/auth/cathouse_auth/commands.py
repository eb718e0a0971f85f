"""What an operator does on the command line. Imports stand inside the functions, as in `cathouse_kit.cli`."""

import argparse
import getpass
import sys
from typing import TYPE_CHECKING, Any

from cathouse_kit.cli import Command, CommandError, migrations_of, with_database

if TYPE_CHECKING:
    from cathouse_kit.database import Database

_PACKAGE = "cathouse_auth"
# The longest password there may be, in UTF-8, and the end of the line.
_LONGEST_LINE = 128 * 4 + 2


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
        from cathouse_kit.tokens import Role

        from cathouse_auth.services import accounts
        from cathouse_auth.services.errors import EmailTaken, PasswordIsEmail
        from cathouse_auth.services.passwords import Passwords

        await _require_newest_revision(database)
        async with database.sessions() as session:
            try:
                await accounts.register(
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
            await session.commit()

    with_database(_PACKAGE, register)
    print(f"{email} is an admin")


def _rotate_keys(arguments: argparse.Namespace) -> None:
    async def rotate(database: "Database") -> str:
        from cathouse_auth.services import keys

        await _require_newest_revision(database)
        async with database.sessions() as session:
            kid = await keys.rotate(session)
            await session.commit()
            return kid

    print(with_database(_PACKAGE, rotate))


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
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise CommandError(f"{name}: {message}") from error


async def _require_newest_revision(database: "Database") -> None:
    migrations = migrations_of(_PACKAGE)
    async with database.engine.connect() as connection:
        current = await migrations.current(connection)
    if current != migrations.head:
        raise CommandError(
            f"the database is at revision {current or 'base'}, not at {migrations.head}: "
            f"python -m {_PACKAGE} migrate"
        )


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
    Command(
        "rotate-keys",
        "make a new key, which soon signs access tokens, and print its id; tokens that are out stay valid",
        _rotate_keys,
    ),
)
